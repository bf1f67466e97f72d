import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from delivery import tally
from delivery.engine.claim import claim
from delivery.engine.record import write
from delivery.log import newest
from delivery.models import Delivery, State
from delivery.replay.one import replay_one
from organizations.authentication import Caller
from organizations.models import AuditEntry, Membership
from tests.delivery.engine.conftest import at_once
from tests.delivery.replay.ended import (
    CAME_IN_AT,
    assert_a_recount_finds_the_same,
    counted,
    ended,
)
from tests.delivery.test_tally import lose, outcome
from tests.factories import EventFactory, MembershipFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def webhook() -> Webhook:
    made: Webhook = WebhookFactory(sla_s=30)
    return made


@pytest.fixture
def alice(webhook: Webhook) -> Caller:
    membership: Membership = MembershipFactory(organization=webhook.organization)
    return Caller.member(membership)


def test_a_replay_is_a_new_delivery_of_the_same_event_and_the_old_one_stays(
    webhook: Webhook, alice: Caller
) -> None:
    old = ended(webhook=webhook, last_status=404)
    before = Delivery.objects.filter(pk=old.pk).values().get()
    again = replay_one(old, alice)
    assert again.is_new
    new = Delivery.objects.get(pk=again.delivery.pk)
    assert (new.event_id, new.webhook_id, new.state) == (old.event_id, webhook.pk, State.PENDING)
    assert (new.is_replay, new.ingested_at, new.attempts) == (True, CAME_IN_AT, 0)
    assert new.expires_at - new.created_at == dt.timedelta(hours=24)
    assert new.sla_due_at is not None
    assert new.sla_due_at - new.created_at == dt.timedelta(seconds=30)
    assert timezone.now() - new.created_at < dt.timedelta(minutes=1)
    assert Delivery.objects.filter(pk=old.pk).values().get() == before
    assert list(newest(Delivery.objects.all())) == [new]


def test_it_is_kept_who_replayed(webhook: Webhook, alice: Caller) -> None:
    old = ended(webhook=webhook)
    again = replay_one(old, alice)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("replayed", webhook.name)
    assert entry.after["event_id"] == old.event.event_id
    assert entry.after["delivery"] == str(again.delivery.pk)


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.DELIVERED, State.CANCELLED])
def test_what_was_counted_for_the_old_one_is_taken_back(
    state: State, webhook: Webhook, alice: Caller
) -> None:
    old = ended(state, webhook=webhook)
    tally.recount()
    replay_one(old, alice)
    assert counted() == {}
    assert_a_recount_finds_the_same()


def test_a_test_is_not_replayed(webhook: Webhook, alice: Caller) -> None:
    event = EventFactory(organization=webhook.organization, is_test=True)
    with pytest.raises(ValidationError) as refused:
        replay_one(ended(webhook=webhook, event=event), alice)
    assert refused.value.code == "replay_of_test"
    assert Delivery.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_the_automatic_retries_of_the_old_one_go_on_and_count_for_nothing(
    webhook: Webhook, alice: Caller
) -> None:
    old = ended(State.RETRYING, webhook=webhook, next_attempt_at=CAME_IN_AT)
    replay_one(old, alice)
    rows = claim(webhook.pk, 10)
    assert {row.delivery_id for row in rows} >= {old.pk}
    write([outcome(row) for row in rows])
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DELIVERED}
    assert counted() == {"delivered": 1, "s200": 2}
    assert_a_recount_finds_the_same()


def test_a_worker_that_was_given_up_reports_late_of_what_was_replayed(
    webhook: Webhook, alice: Caller
) -> None:
    old = ended(State.PENDING, webhook=webhook, next_attempt_at=CAME_IN_AT)
    (row,) = claim(webhook.pk, 1)
    lose(row)
    again = replay_one(old, alice)
    write([outcome(row)])
    old.refresh_from_db()
    assert old.state == State.DELIVERED
    assert counted() == {"s200": 1}
    (second,) = claim(webhook.pk, 10)
    assert second.delivery_id == again.delivery.pk
    write([outcome(second)])
    assert counted() == {"delivered": 1, "s200": 2}
    assert_a_recount_finds_the_same()


def test_what_is_in_flight_is_not_replayed(webhook: Webhook, alice: Caller) -> None:
    old = ended(State.IN_FLIGHT, webhook=webhook)
    with pytest.raises(ValidationError) as refused:
        replay_one(old, alice)
    assert refused.value.code == "in_flight"
    assert Delivery.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_what_nobody_has_tried_yet_is_the_answer_itself(webhook: Webhook, alice: Caller) -> None:
    old = ended(State.PENDING, webhook=webhook)
    again = replay_one(old, alice)
    assert (again.delivery, again.is_new) == (old, False)
    assert Delivery.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_to_replay_an_old_delivery_is_to_replay_the_newest(webhook: Webhook, alice: Caller) -> None:
    old = ended(webhook=webhook)
    first = replay_one(old, alice).delivery
    assert replay_one(old, alice) == (first, False)
    Delivery.objects.filter(pk=first.pk).update(state=State.FAILED, finished_at=timezone.now())
    second = replay_one(old, alice)
    assert second.is_new
    assert list(newest(Delivery.objects.all())) == [second.delivery]


@pytest.mark.parametrize("change", [{"deactivated_at": CAME_IN_AT}, {"deleted_at": CAME_IN_AT}])
def test_nothing_is_replayed_to_a_webhook_that_is_not_active(
    change: dict[str, Any], webhook: Webhook, alice: Caller
) -> None:
    old = ended(webhook=webhook)
    Webhook.objects.update(**change)
    with pytest.raises(ValidationError) as refused:
        replay_one(old, alice)
    assert refused.value.code == "webhook_off"


def test_the_new_one_comes_after_the_old_one_whatever_the_clocks_say(
    webhook: Webhook, alice: Caller
) -> None:
    ahead = "ffffffff-ffff-7000-8000-000000000000"
    old = ended(webhook=webhook, pk=ahead)
    new = replay_one(old, alice).delivery
    assert list(newest(Delivery.objects.all())) == [new]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_makes_a_delivery(webhook: Webhook, alice: Caller) -> None:
    old = ended(webhook=webhook)
    tally.recount()
    answers = at_once(6, lambda: replay_one(old, alice))
    assert sorted(again.is_new for again in answers) == [False] * 5 + [True]
    assert len({again.delivery.pk for again in answers}) == 1
    assert Delivery.objects.count() == 2
    assert counted() == {}
    assert AuditEntry.objects.count() == 1
