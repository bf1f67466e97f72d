import datetime as dt
from typing import Any

import pytest

from delivery.engine.clock import database_now
from delivery.models import FINAL, REPLAYABLE, State
from delivery.replay.choice import Choice
from tests.delivery.replay.ended import CAME_IN_AT, SECOND, ended
from tests.factories import (
    DeliveryFactory,
    EventFactory,
    OrganizationFactory,
    WebhookFactory,
)
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def webhook() -> Webhook:
    made: Webhook = WebhookFactory(events=["transactionAdded", "pointsIssued"])
    return made


def choice(**values: Any) -> Choice:
    chosen: dict[str, Any] = {
        "start": CAME_IN_AT - 60 * SECOND,
        "end": CAME_IN_AT + 60 * SECOND,
        "states": ("failed",),
        "event_names": (),
        "missing": False,
        "asked_at": database_now(),
    }
    return Choice(**chosen | values)


def taken(webhook: Webhook, **values: Any) -> set[Any]:
    found = choice(**values)
    assert found.count(webhook) == found.deliveries(webhook).count() * bool(found.states) + (
        found.missed_events(webhook).count() * found.missing
    )
    return {row.pk for row in found.deliveries(webhook)}


def test_those_are_taken_that_are_in_one_of_the_states(webhook: Webhook) -> None:
    rows = {str(state): ended(state, webhook=webhook).pk for state in REPLAYABLE}
    for state in REPLAYABLE:
        assert taken(webhook, states=(state,)) == {rows[state]}
    assert taken(webhook, states=("failed", "expired")) == {rows["failed"], rows["expired"]}
    assert taken(webhook, states=tuple(FINAL)) == {rows[state] for state in FINAL}


def test_the_range_is_of_the_moments_when_events_came_in_and_ends_before_its_end(
    webhook: Webhook,
) -> None:
    first = ended(webhook=webhook, ingested_at=CAME_IN_AT)
    ended(webhook=webhook, ingested_at=CAME_IN_AT + SECOND)
    ended(webhook=webhook, ingested_at=CAME_IN_AT - SECOND)
    assert taken(webhook, start=CAME_IN_AT, end=CAME_IN_AT + SECOND) == {first.pk}


def test_of_some_event_names_only_those_are_taken(webhook: Webhook) -> None:
    event = EventFactory(organization=webhook.organization, name="pointsIssued")
    one = ended(webhook=webhook, event=event)
    other = ended(webhook=webhook)
    assert taken(webhook) == {one.pk, other.pk}
    assert taken(webhook, event_names=("pointsIssued",)) == {one.pk}


def test_other_webhooks_and_test_events_are_left_alone(webhook: Webhook) -> None:
    ended(webhook=WebhookFactory(organization=webhook.organization))
    ended(webhook=webhook, event=EventFactory(organization=webhook.organization, is_test=True))
    assert taken(webhook) == set()


def test_the_newest_of_an_event_says_whether_it_is_taken(webhook: Webhook) -> None:
    old = ended(webhook=webhook)
    ended(State.DELIVERED, webhook=webhook, event=old.event, is_replay=True)
    other = ended(State.DELIVERED, webhook=webhook)
    failed_again = ended(webhook=webhook, event=other.event, is_replay=True)
    assert taken(webhook) == {failed_again.pk}


def test_what_failed_or_was_made_after_it_was_asked_for_is_not_taken(webhook: Webhook) -> None:
    asked_at = CAME_IN_AT + 10 * SECOND
    before = ended(webhook=webhook, finished_at=asked_at)
    ended(webhook=webhook, finished_at=asked_at + SECOND)
    ended(State.RETRYING, webhook=webhook, created_at=asked_at, is_replay=True)
    states = ("failed", "retrying")
    assert taken(webhook, states=states, asked_at=asked_at) == {before.pk}


def missed(webhook: Webhook, **values: Any) -> set[Any]:
    found = choice(states=(), missing=True, **values)
    assert found.count(webhook) <= found.missed_events(webhook).count()
    return {event.pk for event in found.missed_events(webhook)}


def came_in(webhook: Webhook, **values: Any) -> Any:
    row = {"organization": webhook.organization, "ingested_at": CAME_IN_AT}
    return EventFactory(**row | values)


def test_events_that_never_had_a_delivery_to_the_webhook_were_missed(webhook: Webhook) -> None:
    event = came_in(webhook)
    elsewhere = came_in(webhook)
    DeliveryFactory(webhook=WebhookFactory(organization=webhook.organization), event=elsewhere)
    ended(State.CANCELLED, webhook=webhook, event=came_in(webhook))
    came_in(webhook, name="cardUpdated")  # it is not subscribed to that
    came_in(webhook, is_test=True)
    came_in(webhook, ingested_at=CAME_IN_AT - dt.timedelta(hours=1))
    came_in(webhook, organization=OrganizationFactory())
    assert missed(webhook) == {event.pk, elsewhere.pk}
    assert missed(webhook, event_names=("pointsIssued",)) == set()


def test_events_of_children_were_missed_where_it_listens_to_them(webhook: Webhook) -> None:
    child = OrganizationFactory(parent=webhook.organization)
    event = came_in(webhook, organization=child)
    assert missed(webhook) == set()
    webhook.listen_to_child_events = True
    assert missed(webhook) == {event.pk}


def test_the_filter_of_now_says_how_many_of_the_missed_ones_are_made(webhook: Webhook) -> None:
    for amount in (5, 5_000, 6_000):
        came_in(webhook, data={"amount": amount})
    webhook.filter = {"data.amount": {"$gte": 1_000}}
    assert choice(states=(), missing=True).count(webhook) == 2
