from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery.enrichment import database
from delivery.enrichment.database import DatabaseProvider, reference_of
from delivery.enrichment.provider import Award, Wanted
from organizations.models import Customer, CustomerIdentifier, Organization, Till
from tests.delivery.enrichment import facts
from tests.delivery.enrichment.reference import load
from tests.factories import OrganizationFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

ALL_SOURCES = facts.EVERYTHING.sources


@pytest.fixture
def organization() -> Organization:
    organization: Organization = OrganizationFactory()
    load(organization)
    return organization


def wanted(**values: Any) -> Wanted:
    known = {
        "till_ids": frozenset({facts.TILL_ID}),
        "customer_ids": frozenset({facts.CUSTOMER_ID}),
        "sources": ALL_SOURCES,
    }
    return Wanted(**{**known, **values})


def test_what_is_known_is_found(organization: Organization) -> None:
    found = DatabaseProvider().look_up(organization.pk, wanted())
    assert found.tills == {facts.TILL_ID: facts.TILL}
    assert found.customers == {facts.CUSTOMER_ID: facts.CUSTOMER}


def test_what_is_not_known_is_not_there(organization: Organization) -> None:
    ids = frozenset({1, -1, 0, 2**63 - 1, -(2**63)})
    found = DatabaseProvider().look_up(
        organization.pk, wanted(till_ids=ids | {facts.TILL_ID}, customer_ids=ids)
    )
    assert set(found.tills) == {facts.TILL_ID}
    assert found.customers == {}


def test_another_organizations_data_is_not_found(organization: Organization) -> None:
    other = OrganizationFactory()
    provider = DatabaseProvider()
    assert provider.look_up(organization.pk, wanted()).tills
    found = provider.look_up(other.pk, wanted())
    assert (found.tills, found.customers) == ({}, {})
    load(other, name="Theirs")
    found = DatabaseProvider().look_up(other.pk, wanted())
    assert found.tills[facts.TILL_ID].name == "Theirs"


def test_only_identifiers_of_chosen_sources_are_read(organization: Organization) -> None:
    found = DatabaseProvider().look_up(organization.pk, wanted(sources=("wechat",)))
    sources = {i.source for i in found.customers[facts.CUSTOMER_ID].identifiers}
    assert sources == {"wechat"}
    found = DatabaseProvider().look_up(organization.pk, wanted(sources=()))
    assert not found.customers[facts.CUSTOMER_ID].identifiers
    assert found.customers[facts.CUSTOMER_ID].points_balance == facts.CUSTOMER.points_balance


def test_a_batch_costs_as_many_queries_as_one_event(organization: Organization) -> None:
    Customer.objects.bulk_create(
        Customer(organization=organization, customer_id=number) for number in range(500)
    )
    Till.objects.bulk_create(
        Till(organization=organization, till_id=number, code="t") for number in range(500)
    )
    ids = frozenset(range(1_000))
    with CaptureQueriesContext(connection) as queries:
        found = DatabaseProvider().look_up(organization.pk, wanted(till_ids=ids, customer_ids=ids))
    assert (len(found.tills), len(found.customers)) == (500, 500)
    assert len(queries) <= 3


def test_tills_are_remembered_for_a_while(organization: Organization) -> None:
    now_s = 100.0
    provider = DatabaseProvider(clock=lambda: now_s)
    ids = frozenset({facts.TILL_ID, 1})
    provider.look_up(organization.pk, wanted(till_ids=ids))
    Till.objects.update(name="Renamed")
    Till.objects.create(organization=organization, till_id=1, code="new")
    now_s += database.TILLS_S - 1
    assert provider.look_up(organization.pk, wanted(till_ids=ids)).tills == {
        facts.TILL_ID: facts.TILL
    }
    now_s += 1
    found = provider.look_up(organization.pk, wanted(till_ids=ids))
    assert {till.name for till in found.tills.values()} == {"Renamed", ""}


def test_no_more_tills_are_remembered_than_fit(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "REMEMBERED_AT_MOST", 10)
    provider = DatabaseProvider()
    for first in range(0, 100, 20):
        provider.look_up(organization.pk, wanted(till_ids=frozenset(range(first, first + 20))))
    assert len(provider._tills) == 10


def test_a_customer_of_very_many_identifiers_is_cut(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MOST_IDENTIFIERS", 5)
    customer = Customer.objects.create(organization=organization, customer_id=1)
    CustomerIdentifier.objects.bulk_create(
        CustomerIdentifier(customer=customer, source="instore", kind="cardNumber", value=str(n))
        for n in range(9)
    )
    found = DatabaseProvider().look_up(
        organization.pk, wanted(customer_ids=frozenset({1, facts.CUSTOMER_ID}))
    )
    assert [i.value for i in found.customers[1].identifiers] == ["0", "1", "2", "3", "4"]
    assert len(found.customers[facts.CUSTOMER_ID].identifiers) == 5


def award(
    name: str, identifiers: dict[str, Any], summary: Any = None, loyalty: Any = None
) -> Award:
    return Award("E1", name, None, identifiers, summary, loyalty)


@pytest.mark.parametrize(
    ("event", "reference"),
    [
        (award("pointsRedeemed", {"billId": "-1", "redemptionId": "w1CZds"}, 28070048), "w1CZds"),
        (award("pointsRedeemed", {}, 28070048, "fif7"), 28070048),
        (award("pointsRedeemed", {"redemptionId": ""}, None, "fif7"), None),
        (award("pointsRedeemed", {"redemptionId": ["x"]}, True), None),
        (award("pointsIssued", {"BillId": "2152322568"}, 1, "627e870b"), "627e870b"),
        (award("pointsIssued", {"pointsAwardedId": 719915883}, None, "627e"), 719915883),
        (award("pointsIssued", {"pointAwardedRefID": "null"}, None, None), None),
        (award("pointsIssued", {}, None, 1.5), None),
    ],
)
def test_the_reference_is_the_one_that_the_event_carries(
    event: Award, reference: str | int | None
) -> None:
    assert reference_of(event) == reference
    found = DatabaseProvider().look_up(1, Wanted(awards=[event]))
    assert found.awarded_references == ({} if reference is None else {"E1": reference})
