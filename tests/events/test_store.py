from typing import Any

import pytest

from events.envelope import parse
from events.models import new_row_id
from events.store import Checked, Stored, fates, in_order
from organizations.models import Organization
from tests.factories import EventFactory, OrganizationFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def checked(event_id: str | None, organization: Organization, **data: Any) -> Checked:
    body = {"eventName": "customerAdded", "eventId": event_id, "data": data}
    envelope = parse(body, organization_id=organization.pk, request_id="r", now_ms=1)
    return Checked(new_row_id(), envelope)


def keep(item: Checked, organization: Organization) -> None:
    EventFactory(
        id=item.row_id,
        organization=organization,
        event_id=item.envelope.event_id,
        digest=item.envelope.digest,
    )


def kind(stored: Stored) -> str:
    assert not (stored.is_new and stored.is_conflict)
    if stored.is_new:
        return "new"
    return "conflict" if stored.is_conflict else "repetition"


def test_rows_are_inserted_in_the_order_of_their_event_ids() -> None:
    organization = OrganizationFactory()
    items = [checked(event_id, organization) for event_id in ("b", "c", "a", "b")]
    ordered = in_order(items)
    assert [item.envelope.event_id for item in ordered] == ["a", "b", "b", "c"]
    assert ordered[1] is items[0]  # of one id the first stays the first


def test_what_was_inserted_is_new_and_asks_nothing(django_assert_num_queries: Any) -> None:
    organization = OrganizationFactory()
    items = [checked(None, organization), checked("a", organization)]
    with django_assert_num_queries(0):
        stored = fates(items, {item.row_id for item in items}, organization)
    assert [kind(one) for one in stored] == ["new", "new"]
    assert [one.checked for one in stored] == items


def test_what_was_not_is_a_repetition_or_a_conflict(django_assert_num_queries: Any) -> None:
    organization = OrganizationFactory()
    for event_id in ("a", "b", "c"):
        keep(checked(event_id, organization, x=1), organization)
    items = [
        checked("a", organization, x=1),
        checked("new", organization, x=1),
        checked("b", organization, x=2),
        checked("c", organization, x=1),
    ]
    with django_assert_num_queries(1):
        stored = fates(items, {items[1].row_id}, organization)
    assert [kind(one) for one in stored] == ["repetition", "new", "conflict", "repetition"]


def test_the_same_id_of_another_organisation_says_nothing() -> None:
    organization, other = OrganizationFactory(), OrganizationFactory()
    keep(checked("a", other, x=1), other)
    keep(checked("a", organization, x=2), organization)
    (stored,) = fates([checked("a", organization, x=2)], set(), organization)
    assert kind(stored) == "repetition"


def test_an_id_may_come_twice_in_one_request() -> None:
    organization = OrganizationFactory()
    items = [checked("a", organization, x=x) for x in (1, 1, 2)]
    keep(items[0], organization)
    stored = fates(items, {items[0].row_id}, organization)
    assert [kind(one) for one in stored] == ["new", "repetition", "conflict"]
