import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from delivery.engine.claim import LEASE_S, Claimed, claim, claim_within, give_back
from delivery.models import Delivery, State
from tests.delivery.engine.conftest import at_once, let_pass
from tests.factories import DeliveryFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def seconds_ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


def due(webhook: Any, seconds: float = 1, **values: Any) -> Delivery:
    """A delivery that has been due for so long."""
    delivery: Delivery = DeliveryFactory(
        webhook=webhook, next_attempt_at=seconds_ago(seconds), **values
    )
    return delivery


def retrying(webhook: Any, seconds: float = 1, **values: Any) -> Delivery:
    return due(webhook, seconds, state=State.RETRYING, **{"attempts": 1, **values})


def ids(rows: list[Claimed]) -> list[uuid.UUID]:
    return [row.delivery_id for row in rows]


def row_of(delivery: Delivery) -> dict[str, Any]:
    return dict(Delivery.objects.filter(pk=delivery.pk).values().get())


def test_a_claim_takes_the_row_under_a_lease() -> None:
    delivery = due(WebhookFactory())
    (row,) = claim(delivery.webhook_id, 10)
    assert (row.delivery_id, row.webhook_id) == (delivery.pk, delivery.webhook_id)
    assert (row.token, row.attempt) == (1, 1)
    assert (row.event_id, row.payload) == (delivery.event.event_id, delivery.event.payload)
    assert row.expires_at == delivery.expires_at
    assert LEASE_S - 2 < row.lease_left_s <= LEASE_S
    after = row_of(delivery)
    assert (after["state"], after["attempts"], after["lease_token"]) == ("in_flight", 1, 1)
    assert after["lease_until"] - row.reading.moment == dt.timedelta(seconds=LEASE_S)
    assert after["first_attempt_at"] == row.reading.moment


def test_the_reading_of_a_claim_is_the_databases_time() -> None:
    delivery = due(WebhookFactory())
    (row,) = claim(delivery.webhook_id, 1)
    now = Delivery.objects.annotate(now=Now()).values_list("now", flat=True)[0]
    assert abs((row.reading.now() - now).total_seconds()) < 1


def test_the_oldest_come_first() -> None:
    webhook = WebhookFactory()
    made = [due(webhook, seconds) for seconds in (10, 40, 20, 30)]
    first = claim(webhook.pk, 2)
    assert set(ids(first)) == {made[1].pk, made[3].pk}
    second = claim(webhook.pk, 2)
    assert set(ids(second)) == {made[0].pk, made[2].pk}
    assert claim(webhook.pk, 2) == []


def test_first_attempts_come_before_replays() -> None:
    webhook = WebhookFactory()
    replay, first = retrying(webhook, 1000), due(webhook, 1)
    assert ids(claim(webhook.pk, 1)) == [first.pk]
    assert ids(claim(webhook.pk, 1)) == [replay.pk]


def test_replays_come_first_when_it_is_their_turn() -> None:
    webhook = WebhookFactory()
    replay, first = retrying(webhook, 1), due(webhook, 1000)
    assert ids(claim(webhook.pk, 1, retries_first=True)) == [replay.pk]
    assert ids(claim(webhook.pk, 1, retries_first=True)) == [first.pk]


def test_a_claim_fills_up_with_the_other_kind() -> None:
    webhook = WebhookFactory()
    replays = [retrying(webhook) for _ in range(3)]
    first = due(webhook)
    rows = claim(webhook.pk, 3)
    assert ids(rows)[0] == first.pk
    assert set(ids(rows)[1:]) < {replay.pk for replay in replays}
    assert len(rows) == 3


def test_what_is_not_due_stays() -> None:
    webhook = WebhookFactory()
    due(webhook, -3600)
    retrying(webhook, -0.9)
    assert claim(webhook.pk, 10) == []


def test_what_has_expired_is_never_sent() -> None:
    webhook = WebhookFactory()
    due(webhook, expires_at=seconds_ago(0.001))
    retrying(webhook, expires_at=seconds_ago(3600))
    last = due(webhook, expires_at=seconds_ago(-5))
    assert ids(claim(webhook.pk, 10)) == [last.pk]


@pytest.mark.parametrize("state", [s for s in State if s not in ("pending", "retrying")])
def test_what_does_not_wait_is_not_claimed(state: State) -> None:
    webhook = WebhookFactory()
    due(webhook, state=state)
    assert claim(webhook.pk, 10) == []


def test_other_webhooks_rows_are_left_alone() -> None:
    webhook, other = WebhookFactory(), WebhookFactory()
    theirs = due(other)
    assert claim(webhook.pk, 10) == []
    assert row_of(theirs)["state"] == "pending"


def test_every_claim_has_another_token_and_number() -> None:
    delivery = due(WebhookFactory())
    (first,) = claim(delivery.webhook_id, 1)
    Delivery.objects.update(state=State.RETRYING)
    (second,) = claim(delivery.webhook_id, 1)
    assert (first.token, second.token) == (1, 2)
    assert (first.attempt, second.attempt) == (1, 2)
    assert row_of(delivery)["first_attempt_at"] == first.reading.moment


def test_rows_given_back_are_as_they_were() -> None:
    webhook = WebhookFactory()
    fresh, replay = due(webhook), retrying(webhook, attempts=3, first_attempt_at=seconds_ago(99))
    before = {delivery.pk: row_of(delivery) for delivery in (fresh, replay)}
    give_back(claim(webhook.pk, 10))
    for delivery in (fresh, replay):
        # The token stays raised: whoever had the row must not report on it any more.
        assert row_of(delivery) == before[delivery.pk] | {"lease_token": 1}
    assert len(claim(webhook.pk, 10)) == 2


def test_rows_claimed_by_somebody_else_meanwhile_are_not_given_back() -> None:
    delivery = due(WebhookFactory())
    rows = claim(delivery.webhook_id, 1)
    Delivery.objects.update(state=State.RETRYING)
    claim(delivery.webhook_id, 1)
    give_back(rows)
    assert (row_of(delivery)["state"], row_of(delivery)["attempts"]) == ("in_flight", 2)


def test_rows_that_ended_meanwhile_are_not_given_back() -> None:
    delivery = due(WebhookFactory())
    rows = claim(delivery.webhook_id, 1)
    Delivery.objects.update(state=State.DELIVERED)
    give_back(rows)
    assert (row_of(delivery)["state"], row_of(delivery)["attempts"]) == ("delivered", 1)


def test_nothing_to_give_back_asks_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        give_back([])


def test_over_a_thousand_rows_can_be_given_back() -> None:
    webhook = WebhookFactory()
    event = due(webhook).event
    Delivery.objects.bulk_create(
        Delivery(event=event, webhook=webhook, is_replay=True, expires_at=seconds_ago(-100))
        for _ in range(1_200)
    )
    let_pass(seconds=1)
    rows = claim(webhook.pk, 2_000)
    assert len(rows) == 1_201
    give_back(rows)
    assert Delivery.objects.filter(state=State.PENDING, attempts=0).count() == 1_201


def test_without_redis_no_more_are_in_flight_than_the_limit() -> None:
    webhook = WebhookFactory()
    for _ in range(5):
        due(webhook)
    assert len(claim_within(webhook.pk, 2)) == 2
    assert claim_within(webhook.pk, 2) == []
    assert len(claim_within(webhook.pk, 3)) == 1
    assert claim_within(webhook.pk, 1) == []
    assert claim_within(webhook.pk, 0) == []


@pytest.mark.django_db(transaction=True)
def test_of_eight_claimers_at_once_none_gets_anothers_row() -> None:
    webhook = WebhookFactory()
    event = due(webhook, 5).event
    Delivery.objects.bulk_create(
        Delivery(event=event, webhook=webhook, is_replay=True, expires_at=seconds_ago(-100))
        for _ in range(199)
    )
    let_pass(seconds=1)

    def claim_all() -> list[uuid.UUID]:
        found: list[uuid.UUID] = []
        while rows := claim(webhook.pk, 7):
            found += ids(rows)
        return found

    taken = [one for answer in at_once(8, claim_all) for one in answer]
    # A claimer that comes upon another's locked rows may leave some for the next: none twice.
    taken += claim_all()
    assert len(taken) == len(set(taken)) == 200
    assert set(Delivery.objects.values_list("lease_token", "attempts")) == {(1, 1)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", [1, 3])
def test_claimers_within_a_limit_never_exceed_it_together(limit: int) -> None:
    webhook = WebhookFactory()
    for _ in range(12):
        due(webhook)
    answers = at_once(6, lambda: claim_within(webhook.pk, limit))
    assert sum(len(answer) for answer in answers) == limit
    assert Delivery.objects.filter(state=State.IN_FLIGHT).count() == limit


def test_a_claim_is_answered_by_the_index_of_due_rows() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the claim of SQLite is written by Django")
    from delivery.engine.claim import _CLAIM_BY_STATE

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN " + _CLAIM_BY_STATE[State.PENDING],
            {"webhook_id": 1, "most": 10, "lease_s": 75.0},
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "delivery_due" in plan
    assert "Sort" not in plan
