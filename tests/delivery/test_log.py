from typing import Any

import pytest

from delivery import log
from delivery.models import Delivery, State
from events.models import Event
from organizations.models import Customer, CustomerIdentifier, Organization
from tests.factories import DeliveryFactory, EventFactory, OrganizationFactory, WebhookFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def brand() -> Organization:
    return OrganizationFactory()


def replayed(delivery: Delivery, **fields: Any) -> Delivery:
    return DeliveryFactory(event=delivery.event, webhook=delivery.webhook, is_replay=True, **fields)


def test_an_event_has_an_entry_for_each_webhook_oldest_first(brand: Organization) -> None:
    old, new = WebhookFactory(organization=brand), WebhookFactory(organization=brand)
    event = EventFactory(organization=brand, request_id="r1", ref_id="1_2")
    late, early = (
        DeliveryFactory(event=event, webhook=new),
        DeliveryFactory(event=event, webhook=old),
    )
    assert log.of_request(brand, "r1") == ([early, late], False)
    assert log.of_reference(brand, "1_2") == ([early, late], False)
    assert log.of_event(brand, event.event_id) == early
    assert log.of_event(brand, event.event_id, new) == late


def test_the_events_of_a_request_stand_in_the_order_of_their_arrival(
    brand: Organization,
) -> None:
    webhook = WebhookFactory(organization=brand)
    events = EventFactory.create_batch(3, organization=brand, request_id="r1")
    for event in reversed(events):
        DeliveryFactory(event=event, webhook=webhook)
    shown = log.of_request(brand, "r1").deliveries
    assert [delivery.event for delivery in shown] == events


def test_of_too_many_entries_the_latest_are_shown(
    brand: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MAX_ENTRIES", 2)
    webhook = WebhookFactory(organization=brand)
    events = EventFactory.create_batch(3, organization=brand, request_id="r1")
    deliveries = [DeliveryFactory(event=event, webhook=webhook) for event in events]
    assert log.of_request(brand, "r1") == (deliveries[1:], True)


def test_of_an_event_that_was_replayed_the_newest_delivery_is_shown(
    brand: Organization,
) -> None:
    webhook = WebhookFactory(organization=brand)
    first = DeliveryFactory(webhook=webhook, state=State.FAILED, event__request_id="r1")
    replayed(first, state=State.EXPIRED)
    newest = replayed(first, state=State.DELIVERED)
    assert log.of_event(brand, first.event.event_id) == newest
    assert log.of_request(brand, "r1").deliveries == [newest]
    assert list(log.of_webhook(webhook)) == [newest]


def test_a_replay_to_one_webhook_does_not_hide_the_delivery_to_another(
    brand: Organization,
) -> None:
    first = DeliveryFactory(webhook__organization=brand, event__request_id="r1")
    other = DeliveryFactory(webhook__organization=brand, event=first.event)
    replay = replayed(first)
    assert log.of_request(brand, "r1").deliveries == [replay, other]


def test_a_parent_sees_its_own_webhooks_entries_of_a_childs_event(brand: Organization) -> None:
    child = OrganizationFactory(parent=brand)
    event = EventFactory(organization=child, request_id="r1", ref_id="1_2")
    of_child = DeliveryFactory(event=event, webhook__organization=child)
    of_parent = DeliveryFactory(event=event, webhook__organization=brand)
    for organization, seen in ((brand, of_parent), (child, of_child)):
        assert log.of_event(organization, event.event_id) == seen
        assert log.of_request(organization, "r1").deliveries == [seen]
        assert log.of_reference(organization, "1_2").deliveries == [seen]


def test_an_id_that_a_child_uses_too_means_the_own_event(brand: Organization) -> None:
    webhook = WebhookFactory(organization=brand)
    child = OrganizationFactory(parent=brand)
    DeliveryFactory(event=EventFactory(organization=child, event_id="same"), webhook=webhook)
    own = DeliveryFactory(
        event=EventFactory(organization=brand, event_id="same"), webhook__organization=brand
    )
    assert log.of_event(brand, "same") == own
    assert log.of_event(child, "same") is None


def test_other_organizations_see_nothing(brand: Organization) -> None:
    delivery = DeliveryFactory(webhook__organization=brand, event__request_id="r1")
    for stranger in (OrganizationFactory(), OrganizationFactory(parent=brand)):
        assert log.of_event(stranger, delivery.event.event_id) is None
        assert log.of_event(stranger, delivery.event.event_id, delivery.webhook) is None
        assert log.of_request(stranger, "r1").deliveries == []
        assert log.of_reference(stranger, delivery.event.ref_id).deliveries == []


def test_what_a_deleted_webhook_got_stays_in_the_log(brand: Organization) -> None:
    delivery = DeliveryFactory(webhook__organization=brand)
    delivery.webhook.delete_softly()
    delivery.webhook.save()
    assert log.of_event(brand, delivery.event.event_id) == delivery


def test_an_event_that_went_nowhere_has_no_entry(brand: Organization) -> None:
    event = EventFactory(organization=brand)
    assert log.of_event(brand, event.event_id) is None


def test_a_customer_is_found_by_search_key_id_and_identifiers(brand: Organization) -> None:
    webhook = WebhookFactory(organization=brand)

    def sent(**fields: Any) -> Event:
        event: Event = EventFactory(organization=brand, **fields)
        DeliveryFactory(event=event, webhook=webhook)
        return event

    keyed, numbered, other = (
        sent(search_key="+919876543210"),
        sent(customer_id="42"),
        sent(customer_id="43", search_key="someone"),
    )
    customer = Customer.objects.create(organization=brand, customer_id=42)
    for kind, value in (("mobile", "+919876543210"), ("email", "a@example.com")):
        CustomerIdentifier.objects.create(
            customer=customer, source="instore", kind=kind, value=value
        )

    def found(identifier: str) -> set[Event]:
        condition = log.events_of_customer(brand, identifier)
        return {delivery.event for delivery in log.of_webhook(webhook).filter(condition)}

    assert found("+919876543210") == {keyed, numbered}
    assert found("a@example.com") == {numbered}
    assert found("42") == {numbered}
    assert found("43") == {other}
    assert found("nobody") == set()


def test_another_organizations_reference_data_finds_nothing(brand: Organization) -> None:
    webhook = WebhookFactory(organization=brand)
    DeliveryFactory(webhook=webhook, event__customer_id="42")
    stranger = Customer.objects.create(organization=OrganizationFactory(), customer_id=42)
    CustomerIdentifier.objects.create(
        customer=stranger, source="instore", kind="email", value="a@example.com"
    )
    condition = log.events_of_customer(brand, "a@example.com")
    assert not log.of_webhook(webhook).filter(condition).exists()


def test_a_childs_customer_is_found_in_the_parents_log(brand: Organization) -> None:
    child = OrganizationFactory(parent=brand)
    event = EventFactory(organization=child, customer_id="42")
    delivery = DeliveryFactory(event=event, webhook__organization=brand)
    customer = Customer.objects.create(organization=child, customer_id=42)
    CustomerIdentifier.objects.create(
        customer=customer, source="instore", kind="email", value="a@example.com"
    )
    condition = log.events_of_customer(brand, "a@example.com")
    assert list(log.of_webhook(delivery.webhook).filter(condition)) == [delivery]


def test_an_entry_is_read_without_the_payload(
    brand: Organization,
) -> None:
    delivery = DeliveryFactory(webhook__organization=brand)
    entry = log.of_event(brand, delivery.event.event_id)
    assert entry is not None
    assert "payload" in entry.event.get_deferred_fields()
