from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from events.catalogue import CATALOGUE
from events.event_types import (
    REMEMBERED_AT_MOST,
    RememberedEventTypes,
    known_event_types,
    remembered,
    sample_of,
    schema_of,
    validator_of,
)
from events.models import EventType, Validation
from organizations.models import Organization
from tests.factories import OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SCHEMA = {
    "type": "object",
    "properties": {"data": {"type": "object", "required": ["stars"]}},
    "required": ["data"],
}


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def custom(organization: Organization, name: str = "reviewPosted", **fields: Any) -> EventType:
    row = {"schema": SCHEMA, "group": "Reviews", "description": "A review was posted."} | fields
    return EventType.objects.create(organization=organization, name=name, **row)


def test_an_organization_that_changed_nothing_knows_the_catalogue() -> None:
    types = known_event_types(OrganizationFactory())
    assert set(types) == set(CATALOGUE)
    assert len(types) == 78
    added = types["transactionAdded"]
    assert (added.active, added.validation, added.is_custom) == (True, Validation.WARN, False)
    assert added.group == CATALOGUE["transactionAdded"].group
    assert added.description == CATALOGUE["transactionAdded"].description


def test_a_custom_type_is_known_to_its_organization_alone() -> None:
    parent = OrganizationFactory()
    child = OrganizationFactory(parent=parent)
    custom(parent)
    assert known_event_types(parent)["reviewPosted"].is_custom
    assert known_event_types(parent)["reviewPosted"].group == "Reviews"
    assert "reviewPosted" not in known_event_types(child)
    assert "reviewPosted" not in known_event_types(OrganizationFactory())


def test_a_standard_type_can_be_switched_and_stays_what_it_is() -> None:
    organization = OrganizationFactory()
    custom(organization, "CouponIssue", active=False, validation=Validation.REJECT)
    coupon = known_event_types(organization)["CouponIssue"]
    assert (coupon.active, coupon.validation, coupon.is_custom) == (False, "reject", False)
    assert coupon.group == CATALOGUE["CouponIssue"].group
    assert schema_of(organization, "CouponIssue") != SCHEMA
    assert known_event_types(OrganizationFactory())["CouponIssue"].active


def test_names_are_case_sensitive() -> None:
    types = known_event_types(OrganizationFactory())
    assert "couponIssue" not in types
    assert "TransactionAdded" not in types


def test_asking_again_within_two_seconds_costs_no_query(
    django_assert_num_queries: Any,
) -> None:
    clock = Clock()
    cache = RememberedEventTypes(clock)
    organization = OrganizationFactory()
    with django_assert_num_queries(1):
        cache.of(organization)
        clock.now_s += 1.9
        cache.of(organization)
    custom(organization)
    assert "reviewPosted" not in cache.of(organization).types
    clock.now_s += 0.1
    assert "reviewPosted" in cache.of(organization).types


def test_what_is_forgotten_is_read_again() -> None:
    organization = OrganizationFactory()
    assert "reviewPosted" not in known_event_types(organization)
    custom(organization)
    remembered.forget(organization)
    assert "reviewPosted" in known_event_types(organization)


def test_organizations_without_changes_share_one_mapping() -> None:
    assert known_event_types(OrganizationFactory()) is known_event_types(OrganizationFactory())


def test_no_more_than_the_latest_organizations_are_remembered() -> None:
    cache = RememberedEventTypes()
    for number in range(REMEMBERED_AT_MOST + 10):
        cache.of(Organization(pk=10**9 + number))
    assert len(cache._organizations) == REMEMBERED_AT_MOST
    assert 10**9 + 9 not in cache._organizations
    assert 10**9 + 10 in cache._organizations


def test_the_known_types_can_not_be_changed_by_a_reader() -> None:
    with pytest.raises(TypeError):
        known_event_types(OrganizationFactory())["x"] = None  # type: ignore[index]


def test_threads_may_ask_and_forget_at_once() -> None:
    cache = RememberedEventTypes(clock=lambda: 0.0)
    organizations = [Organization(pk=10**9 + number) for number in range(20)]
    for organization in organizations:
        cache.of(organization)

    def ask(organization: Organization) -> int:
        return len(cache.of(organization).types)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, organizations * 20)) == {78}


def test_schema_and_sample_of_a_standard_type_stand_alone() -> None:
    organization = OrganizationFactory()
    schema = schema_of(organization, "transactionAdded")
    assert "$ref" not in repr(schema)
    sample = sample_of(organization, "transactionAdded")
    assert sample["eventName"] == "transactionAdded"
    assert validator_of(organization, "transactionAdded").accepts(sample)


def test_schema_and_sample_of_a_custom_type_are_its_own() -> None:
    organization = OrganizationFactory()
    custom(organization, sample={"data": {"stars": 5}})
    assert schema_of(organization, "reviewPosted") == SCHEMA
    assert sample_of(organization, "reviewPosted") == {"data": {"stars": 5}}


def test_a_missing_sample_is_made_from_the_schema() -> None:
    organization = OrganizationFactory()
    custom(organization)
    sample = sample_of(organization, "reviewPosted")
    assert validator_of(organization, "reviewPosted").accepts(sample)


def test_a_schema_that_allows_nothing_has_no_sample() -> None:
    organization = OrganizationFactory()
    custom(organization, schema={"allOf": [{"type": "string"}, {"type": "integer"}]})
    assert sample_of(organization, "reviewPosted") is None


def test_a_custom_type_without_a_schema_accepts_everything() -> None:
    organization = OrganizationFactory()
    custom(organization, schema=None)
    assert schema_of(organization, "reviewPosted") == {}
    assert sample_of(organization, "reviewPosted") is None
    assert validator_of(organization, "reviewPosted").accepts({"data": 1})


def test_the_validator_of_a_custom_type_is_remembered(django_assert_num_queries: Any) -> None:
    organization = OrganizationFactory()
    custom(organization)
    first = validator_of(organization, "reviewPosted")
    with django_assert_num_queries(0):
        assert validator_of(organization, "reviewPosted") is first
    assert not first.accepts({"data": {}})
    assert first.accepts({"data": {"stars": 5}})


@pytest.mark.parametrize("ask", [schema_of, sample_of, validator_of])
def test_another_organizations_type_is_not_known(ask: Any) -> None:
    custom(OrganizationFactory())
    with pytest.raises(KeyError):
        ask(OrganizationFactory(), "reviewPosted")
