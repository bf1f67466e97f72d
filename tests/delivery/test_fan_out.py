import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from delivery.fan_out import Subscriber, fan_out, subscribers
from events.envelope import parse
from events.models import new_row_id
from events.store import Checked
from organizations.models import Organization
from tests.factories import OrganizationFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

NAME = "transactionAdded"


def webhook(organization: Organization, *names: str, **values: Any) -> int:
    made = WebhookFactory(organization=organization, events=list(names or (NAME,)), **values)
    return int(made.pk)


def subscribed(organization: Organization, *names: str) -> dict[str, set[int]]:
    _, by_name = subscribers(organization, names or (NAME,))
    return {name: {one.webhook_id for one in found} for name, found in by_name.items()}


def test_the_time_is_the_databases() -> None:
    now, by_name = subscribers(OrganizationFactory(), {NAME})
    assert abs(now - timezone.now()) < dt.timedelta(seconds=5)
    assert now.tzinfo is not None
    assert by_name == {}


def test_the_webhooks_that_are_subscribed_to_the_name() -> None:
    organization = OrganizationFactory()
    one = webhook(organization)
    other = webhook(organization, "customerAdded", NAME)
    third = webhook(organization, "customerAdded")
    webhook(organization, "transactionadded")
    assert subscribed(organization) == {NAME: {one, other}}
    assert subscribed(organization, NAME, "customerAdded", "pointsIssued") == {
        NAME: {one, other},
        "customerAdded": {other, third},
    }


def test_a_webhook_that_is_not_there_to_be_delivered_to_gets_none() -> None:
    organization = OrganizationFactory()
    webhook(organization, deleted_at=timezone.now())
    webhook(organization, deactivated_at=timezone.now())
    assert subscribed(organization) == {}


def test_another_organisations_webhooks_get_none() -> None:
    webhook(OrganizationFactory())
    assert subscribed(OrganizationFactory()) == {}


def test_a_parents_webhook_gets_its_childrens_events_if_it_listens() -> None:
    parent = OrganizationFactory()
    child, sibling = OrganizationFactory(parent=parent), OrganizationFactory(parent=parent)
    listens = webhook(parent, listen_to_child_events=True)
    deaf = webhook(parent)
    own = webhook(child, listen_to_child_events=True)
    assert subscribed(child) == {NAME: {listens, own}}
    assert subscribed(sibling) == {NAME: {listens}}
    assert subscribed(parent) == {NAME: {listens, deaf}}


def test_a_request_may_bring_events_of_hundreds_of_types() -> None:
    organization = OrganizationFactory()
    names = [f"name{number}" for number in range(1_000)]
    webhook(organization, "name999")
    assert set(subscribed(organization, *names)) == {"name999"}


@pytest.mark.parametrize("name", ["%s", "'; DROP TABLE x; --", "100%", "%(organization)s", "é"])
def test_a_name_is_only_a_name(name: str) -> None:
    organization = OrganizationFactory()
    pk = webhook(organization, name)
    assert subscribed(organization, name) == {name: {pk}}


def checked(name: str) -> Checked:
    envelope = parse({"eventName": name, "data": {}}, organization_id=1, request_id="r", now_ms=1)
    return Checked(new_row_id(), envelope)


def test_each_event_goes_once_to_each_of_its_subscribers() -> None:
    items = [checked("a"), checked("b"), checked("a"), checked("c")]
    one, other = Subscriber(1, 30), Subscriber(2, 0)
    new = fan_out(items, {"a": [one, other], "b": [other]})
    assert [(d.event_row_id, d.subscriber) for d in new] == [
        (items[0].row_id, one),
        (items[0].row_id, other),
        (items[1].row_id, other),
        (items[2].row_id, one),
        (items[2].row_id, other),
    ]
    assert len({d.row_id for d in new}) == 5
