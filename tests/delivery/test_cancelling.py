import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from delivery import cancelling, tally
from delivery.cancelling import Selection, cancel_of_event, cancel_one, cancel_selected
from delivery.engine.claim import claim
from delivery.models import FINAL, Delivery, State
from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.delivery.replay.ended import (
    CAME_IN_AT,
    SECOND,
    assert_a_recount_finds_the_same,
    counted,
    ended,
)
from tests.factories import EventFactory, MembershipFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def webhook() -> Webhook:
    made: Webhook = WebhookFactory(events=["transactionAdded", "pointsIssued"])
    return made


@pytest.fixture
def alice(webhook: Webhook) -> Caller:
    return Caller.member(MembershipFactory(organization=webhook.organization))


def states() -> list[str]:
    return sorted(Delivery.objects.values_list("state", flat=True))


@pytest.mark.parametrize("state", [State.PENDING, State.RETRYING])
def test_what_waits_is_cancelled_and_never_sent(
    state: State, webhook: Webhook, alice: Caller
) -> None:
    delivery = ended(state, webhook=webhook, next_attempt_at=CAME_IN_AT)
    cancel_one(delivery, alice)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == (State.CANCELLED, None)
    assert delivery.finished_at is not None
    assert claim(webhook.pk, 1) == []
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("cancelled delivery", webhook.name)


@pytest.mark.parametrize(
    ("state", "code"),
    [(State.IN_FLIGHT, "in_flight"), *((state, "not_waiting") for state in FINAL)],
)
def test_what_does_not_wait_is_left_alone(
    state: State, code: str, webhook: Webhook, alice: Caller
) -> None:
    delivery = ended(state, webhook=webhook)
    for cancel in (cancel_one, cancel_of_event):
        with pytest.raises(ValidationError) as refused:
            cancel(delivery, alice)
        assert refused.value.code == code
    delivery.refresh_from_db()
    assert delivery.state == state
    assert not AuditEntry.objects.exists()


def test_all_that_waits_of_an_event_is_cancelled_with_what_was_replayed(
    webhook: Webhook, alice: Caller
) -> None:
    old = ended(State.RETRYING, webhook=webhook)
    new = ended(State.PENDING, webhook=webhook, event=old.event, is_replay=True)
    elsewhere = ended(
        State.PENDING, webhook=WebhookFactory(organization=webhook.organization), event=old.event
    )
    cancel_of_event(new, alice)
    assert states() == ["cancelled", "cancelled", "pending"]
    elsewhere.refresh_from_db()
    assert elsewhere.state == State.PENDING
    assert AuditEntry.objects.count() == 1


def test_all_that_waits_for_a_webhook_is_cancelled_and_nothing_else(
    webhook: Webhook, alice: Caller
) -> None:
    rows = {state: ended(state, webhook=webhook) for state in State}
    other = ended(State.PENDING, webhook=WebhookFactory(organization=webhook.organization))
    tally.recount()
    before = counted()
    assert Selection().count(webhook).count == 2
    cancelled = cancel_selected(webhook, Selection(), alice)
    assert (cancelled.count, cancelled.has_more) == (2, False)
    for state, row in rows.items():
        row.refresh_from_db()
        waited = state in (State.PENDING, State.RETRYING)
        assert row.state == (State.CANCELLED if waited else state)
    other.refresh_from_db()
    assert other.state == State.PENDING
    assert counted() == before
    assert_a_recount_finds_the_same()
    assert AuditEntry.objects.get().after["deliveries"] == 2


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({"states": ("pending",)}, 2),
        ({"states": ("retrying",)}, 1),
        ({"event_names": ("pointsIssued",)}, 1),
        ({"start": CAME_IN_AT + SECOND}, 1),
        ({"end": CAME_IN_AT + SECOND}, 2),
        ({"start": CAME_IN_AT, "end": CAME_IN_AT + dt.timedelta(hours=1)}, 3),
    ],
)
def test_a_part_of_what_waits_is_counted_and_cancelled(
    chosen: dict[str, Any], count: int, webhook: Webhook, alice: Caller
) -> None:
    event = EventFactory(organization=webhook.organization, name="pointsIssued")
    ended(State.PENDING, webhook=webhook, event=event)
    ended(State.PENDING, webhook=webhook, ingested_at=CAME_IN_AT + SECOND)
    ended(State.RETRYING, webhook=webhook)
    selection = Selection(**chosen)
    assert selection.count(webhook).count == count
    assert cancel_selected(webhook, selection, alice).count == count
    assert states().count("cancelled") == count


def test_with_nothing_to_cancel_nothing_is_kept(webhook: Webhook, alice: Caller) -> None:
    assert cancel_selected(webhook, Selection(), alice).count == 0
    assert not AuditEntry.objects.exists()


def test_of_very_many_the_rest_is_told_of(
    webhook: Webhook, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "MOST_CANCELLED", 3)
    monkeypatch.setattr(cancelling, "BATCH", 2)
    for _ in range(4):
        ended(State.PENDING, webhook=webhook)
    first, second = (cancel_selected(webhook, Selection(), alice) for _ in range(2))
    assert [(first.count, first.has_more), (second.count, second.has_more)] == [
        (3, True),
        (1, False),
    ]
