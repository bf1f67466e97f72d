import datetime as dt

import pytest

from delivery.feed import events_with_state, order_of
from delivery.models import State
from events.models import Event
from organizations.models import Organization
from tests.delivery.entries import ago, delivered
from tests.factories import EventFactory, OrganizationFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def webhook() -> Webhook:
    return WebhookFactory()


def shown(organization: Organization, state: State) -> list[Event]:
    order = order_of(state).latest_first
    return list(events_with_state(organization, state).order_by(*order))


@pytest.mark.parametrize("state", State)
def test_events_are_found_by_the_state_of_any_delivery_the_latest_first(
    webhook: Webhook, state: State
) -> None:
    other_state = State.DELIVERED if state is not State.DELIVERED else State.FAILED
    older = delivered(webhook, ago(hours=2), state=state).event
    newer = delivered(webhook, ago(hours=1), state=state).event
    delivered(webhook, ago(minutes=1), state=other_state)
    second = WebhookFactory(organization=webhook.organization)
    delivered(second, newer.ingested_at, event=newer, state=other_state)
    EventFactory(organization=webhook.organization)
    assert shown(webhook.organization, state) == [newer, older]


@pytest.mark.parametrize("state", [State.FAILED, State.DELIVERED])
def test_an_event_with_several_such_deliveries_is_found_once(
    webhook: Webhook, state: State
) -> None:
    event = delivered(webhook, ago(hours=1), state=state).event
    second = WebhookFactory(organization=webhook.organization)
    delivered(second, event.ingested_at, event=event, state=state)
    delivered(webhook, event.ingested_at, event=event, state=state, is_replay=True)
    assert shown(webhook.organization, state) == [event]


@pytest.mark.parametrize("state", [State.FAILED, State.DELIVERED])
def test_events_of_others_are_not_found(webhook: Webhook, state: State) -> None:
    delivered(webhook, ago(hours=1), state=state)
    assert shown(OrganizationFactory(), state) == []


@pytest.mark.parametrize("state", [State.FAILED, State.DELIVERED])
def test_what_a_parents_webhook_got_is_in_neither_feed(state: State) -> None:
    parent = OrganizationFactory()
    child = OrganizationFactory(parent=parent)
    of_parent = WebhookFactory(organization=parent, listen_to_child_events=True)
    event = EventFactory(organization=child, ingested_at=ago(hours=1))
    delivered(of_parent, event.ingested_at, event=event, state=state)
    assert shown(child, state) == []
    assert shown(parent, state) == []


def test_a_replay_stands_for_what_it_repeats(webhook: Webhook) -> None:
    event = delivered(webhook, ago(hours=1), state=State.FAILED).event
    delivered(webhook, event.ingested_at, event=event, is_replay=True)
    assert shown(webhook.organization, State.FAILED) == []
    assert shown(webhook.organization, State.DELIVERED) == [event]
    second = WebhookFactory(organization=webhook.organization)
    delivered(second, event.ingested_at, event=event, state=State.FAILED)
    assert shown(webhook.organization, State.FAILED) == [event]


def test_what_is_found_can_be_narrowed_further(webhook: Webhook) -> None:
    for hours, name in ((1, "customerAdded"), (2, "pointsIssued"), (3, "customerAdded")):
        delivered(webhook, ago(hours=hours), state=State.FAILED, event__name=name)
    found = events_with_state(webhook.organization, State.FAILED).filter(name="customerAdded")
    assert found.count() == 2
    recent = found.filter(ingested_at__gte=ago(hours=0) - dt.timedelta(hours=2))
    assert [event.name for event in recent] == ["customerAdded"]
