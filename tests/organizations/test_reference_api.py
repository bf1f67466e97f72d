"""PUT /v3/organization/{tills|stores|customers}."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from organizations.models import AuditEntry, Customer, CustomerIdentifier, Organization, Store, Till
from organizations.reference_import import counts
from tests.conftest import CredentialClient

pytestmark = pytest.mark.django_db

STORE = {"id": 50001, "code": "sin.orchard", "name": "Orchard", "externalId": "st-1"}
TILL = {"id": 7, "code": "sin.orchard.1", "name": "Till 1", "storeId": 50001}
CUSTOMER = {
    "id": 482579328,
    "availablePointsBalance": 1240.5,
    "instore": {
        "mobile": "919009535723",
        "email": "m@example.com",
        "externalId": "ext-1",
        "cardNumbers": ["8800-1", "8800-2"],
    },
    "wechat": {
        "accounts": [
            {
                "accountId": "tamarind/house",
                "identifiers": [
                    {"identifierType": "unionId", "identifierValue": "u1"},
                    {"identifierType": "openId", "identifierValue": "o1"},
                ],
            }
        ]
    },
}


def put(client: Client, kind: str, *elements: object) -> Any:
    return client.put(f"/v3/organization/{kind}", list(elements), format="json")


def done(client: Client, kind: str, *elements: object) -> tuple[int, int, int]:
    """(created, updated, unchanged)"""
    answer = put(client, kind, *elements)
    assert answer.status_code == 200, answer.content
    assert answer.json()["errors"] is None
    data = answer.json()["data"]
    return data["created"], data["updated"], data["unchanged"]


def refused(client: Client, kind: str, *elements: object) -> list[tuple[int, str, str]]:
    """(code, field, message); nothing was written."""
    before = rows()
    answer = put(client, kind, *elements)
    assert answer.status_code == 400, answer.content
    assert answer.json()["data"] is None
    assert rows() == before
    return [(e["code"], e["field"], e["message"]) for e in answer.json()["errors"]]


def rows() -> list[Any]:
    models = (Store, Till, Customer, CustomerIdentifier, AuditEntry)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def identifiers(customer_id: int) -> set[tuple[str, str, str, str]]:
    found = CustomerIdentifier.objects.filter(customer__customer_id=customer_id)
    return set(found.values_list("source", "account_id", "kind", "value"))


# --- What is written -------------------------------------------------------------------------


@pytest.mark.both_databases
def test_stores_tills_and_customers_are_added_changed_and_left(api: CredentialClient) -> None:
    assert done(api, "stores", STORE, {"id": 2, "code": "b"}) == (2, 0, 0)
    assert done(api, "stores", STORE, {"id": 2, "code": "b", "name": "B"}) == (0, 1, 1)
    assert done(api, "tills", TILL, {"id": -8, "code": "c"}) == (2, 0, 0)
    assert done(api, "tills", TILL, {"id": 9, "code": "d"}) == (1, 0, 1)
    assert done(api, "customers", CUSTOMER) == (1, 0, 0)
    assert done(api, "customers", CUSTOMER) == (0, 0, 1)
    assert done(api, "customers", {**CUSTOMER, "availablePointsBalance": "7"}) == (0, 1, 0)

    store = Store.objects.get(store_id=50001)
    assert (store.organization, store.code, store.external_id) == (
        api.organization,
        "sin.orchard",
        "st-1",
    )
    assert Till.objects.get(till_id=7).store == store
    assert Customer.objects.get().points_balance == 7
    assert identifiers(482579328) == {
        ("instore", "", "mobile", "919009535723"),
        ("instore", "", "email", "m@example.com"),
        ("instore", "", "externalId", "ext-1"),
        ("instore", "", "cardNumber", "8800-1"),
        ("instore", "", "cardNumber", "8800-2"),
        ("wechat", "tamarind/house", "unionId", "u1"),
        ("wechat", "tamarind/house", "openId", "o1"),
    }


@pytest.mark.both_databases
def test_what_is_not_named_stays_each_element_for_itself(api: CredentialClient) -> None:
    done(api, "stores", STORE)
    done(api, "tills", TILL, {**TILL, "id": 8})
    assert done(
        api, "tills", {"id": 7, "code": "new"}, {"id": 8, "code": TILL["code"], "storeId": None}
    ) == (0, 2, 0)
    seven, eight = Till.objects.order_by("till_id")
    assert (seven.code, seven.name, seven.store) == ("new", "Till 1", Store.objects.get())
    assert (eight.code, eight.name, eight.store) == (TILL["code"], "Till 1", None)

    done(api, "customers", CUSTOMER)
    assert done(api, "customers", {"id": CUSTOMER["id"]}) == (0, 0, 1)
    assert done(api, "customers", {"id": CUSTOMER["id"], "instore": {"mobile": "5"}}) == (0, 1, 0)
    found = identifiers(482579328)
    assert {value for source, _, kind, value in found if kind == "mobile"} == {"5"}
    assert len(found) == 7
    assert Customer.objects.get().points_balance is not None


@pytest.mark.both_databases
def test_a_source_is_replaced_as_a_whole_and_null_empties_it(api: CredentialClient) -> None:
    done(api, "customers", CUSTOMER)
    account = {
        "accountId": "other",
        "identifiers": [{"identifierType": "unionId", "identifierValue": "u2"}],
    }
    changed = {"id": CUSTOMER["id"], "wechat": {"accounts": [account]}}
    assert done(api, "customers", changed) == (0, 1, 0)
    assert {i for i in identifiers(482579328) if i[0] == "wechat"} == {
        ("wechat", "other", "unionId", "u2")
    }
    assert done(api, "customers", {"id": CUSTOMER["id"], "wechat": {}, "line": None}) == (0, 1, 0)
    assert {source for source, *_ in identifiers(482579328)} == {"instore"}
    assert done(api, "customers", {"id": CUSTOMER["id"], "Instore": {"cardNumbers": []}})[1] == 1
    assert len(identifiers(482579328)) == 3
    assert done(api, "customers", {"id": CUSTOMER["id"], "instore": None})[1] == 1
    assert identifiers(482579328) == set()
    assert done(api, "customers", {"id": CUSTOMER["id"], "availablePointsBalance": None})[1] == 1
    assert Customer.objects.get().points_balance is None


def test_one_audit_entry_tells_how_many_and_no_personal_data(api: CredentialClient) -> None:
    done(api, "customers", CUSTOMER)
    entry = AuditEntry.objects.get()
    assert (entry.organization, entry.action) == (api.organization, "imported reference data")
    assert entry.after == {"kind": "customers", "created": 1, "updated": 0}
    done(api, "customers", CUSTOMER)
    assert AuditEntry.objects.count() == 1


@pytest.mark.both_databases
def test_other_organizations_rows_with_these_ids_are_never_touched(
    api: CredentialClient, charlie: CredentialClient
) -> None:
    done(charlie, "stores", STORE)
    done(charlie, "tills", TILL)
    done(charlie, "customers", CUSTOMER)
    assert done(api, "stores", {"id": 50001, "code": "mine"}) == (1, 0, 0)
    assert done(api, "tills", {"id": 7, "code": "mine"}) == (1, 0, 0)
    assert done(api, "customers", {"id": 482579328, "instore": None}) == (1, 0, 0)
    assert Till.objects.for_organization(charlie.organization).get().code == TILL["code"]
    assert identifiers(482579328) != set()
    Store.objects.for_organization(api.organization).delete()
    assert refused(api, "tills", TILL) == [
        (
            51056,
            "[0].storeId",
            "storeId names a store that does not exist: 50001. Import stores first.",
        )
    ]


def test_a_thousand_at_once_and_not_one_more(api: CredentialClient) -> None:
    many = [{**CUSTOMER, "id": number} for number in range(1_000)]
    assert done(api, "customers", *many) == (1_000, 0, 0)
    assert done(api, "customers", *many) == (0, 0, 1_000)
    assert refused(api, "customers", *many, {"id": 1_000})[0][0] == 51055
    assert refused(api, "customers")[0][0] == 51055


# --- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"7", b"null", b"true", b'{"tills": []}'])
def test_the_body_is_an_array(api: CredentialClient, body: bytes) -> None:
    answer = api.put("/v3/organization/tills", body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 51055)


@pytest.mark.both_databases
def test_one_bad_element_refuses_all_with_every_error_at_its_place(api: CredentialClient) -> None:
    done(api, "stores", STORE)
    bad = [
        {"id": 1, "code": "fine", "storeId": 50001},
        {"id": "2", "code": 5, "name": ["x"], "storeId": 2.5},
        7,
        {"code": "", "storeId": True},
        {"id": 1, "code": "again"},
        {"id": 2**63, "code": "x" * 201, "storeId": 999},
    ]
    assert [(code, field) for code, field, _ in refused(api, "tills", *bad)] == [
        (51056, "[1].code"),
        (51056, "[1].id"),
        (51056, "[1].name"),
        (51056, "[1].storeId"),
        (51056, "[2]"),
        (51056, "[3].code"),
        (51056, "[3].id"),
        (51056, "[3].storeId"),
        (51057, "[4].id"),
        (51056, "[5].code"),
        (51056, "[5].id"),
        (51056, "[5].storeId"),
    ]


ID: dict[str, Any] = {"id": 1}
IDENTIFIER = {"identifierType": "t", "identifierValue": "v"}


@pytest.mark.parametrize(
    ("element", "field"),
    [
        ({}, "[0].id"),
        ({"id": None}, "[0].id"),
        ({"id": 1.0}, "[0].id"),
        ({"id": True}, "[0].id"),
        ({"id": -(10**300)}, "[0].id"),
        (ID | {"availablePointsBalance": "1,5"}, "[0].availablePointsBalance"),
        (ID | {"availablePointsBalance": 1e300}, "[0].availablePointsBalance"),
        (ID | {"availablePointsBalance": 10**300}, "[0].availablePointsBalance"),
        (ID | {"availablePointsBalance": 0.00001}, "[0].availablePointsBalance"),
        (ID | {"availablePointsBalance": {}}, "[0].availablePointsBalance"),
        (ID | {"instore": []}, "[0].instore"),
        (ID | {"instore": {"mobile": 5}}, "[0].instore.mobile"),
        (ID | {"instore": {"mobile": "5\n6"}}, "[0].instore.mobile"),
        (ID | {"instore": {"cardNumbers": "5"}}, "[0].instore.cardNumbers"),
        (ID | {"instore": {"cardNumbers": ["5", 6]}}, "[0].instore.cardNumbers"),
        (ID | {"instore": {"cardNumbers": ["5", ""]}}, "[0].instore.cardNumbers"),
        (ID | {"instore": {"cardNumbers": [str(n) for n in range(501)]}}, "[0]"),
        (ID | {"wechat": []}, "[0].wechat"),
        (ID | {"wechat": {"accounts": {}}}, "[0].wechat.accounts"),
        (ID | {"wechat": {"accounts": [7]}}, "[0].wechat.accounts[0]"),
        (ID | {"wechat": {"accounts": [{}]}}, "[0].wechat.accounts[0].accountId"),
        (
            ID | {"jd": {"accounts": [{"accountId": "a", "identifiers": [IDENTIFIER, {}, 3]}]}},
            "[0].jd.accounts[0].identifiers[1].identifierType",
        ),
        (
            ID | {"line": {"accounts": [{"accountId": "a" * 201, "identifiers": [IDENTIFIER]}]}},
            "[0].line.accounts[0].accountId",
        ),
        (ID | {"wechat": {}, "WeChat": {}}, "[0].WeChat"),
    ],
)
def test_a_value_that_a_customer_can_not_have(
    api: CredentialClient, element: dict[str, Any], field: str
) -> None:
    assert field in [found for _, found, _ in refused(api, "customers", element)]


def test_what_no_json_from_outside_may_have_is_refused_here_too(api: CredentialClient) -> None:
    for body in (
        b'[{"id":1,"id":2,"code":"a"}]',
        b'[{"id":1,"code":"\\u0000"}]',
        b'[{"id":1,"code":"\\ud800"}]',
        b'[{"id":NaN,"code":"a"}]',
        b"[" * 100 + b"]" * 100,
        b'[{"id":1,"code":"\xff"}]',
        b"",
    ):
        answer = api.put("/v3/organization/tills", body, content_type="application/json")
        assert answer.status_code == 400, body
    text = json.dumps([{**TILL, "name": "x" * 9_000_000}])
    answer = api.put("/v3/organization/tills", text, content_type="application/json")
    assert answer.status_code == 413
    assert counts(api.organization) == {"tills": 0, "stores": 0, "customers": 0}


def test_names_that_mean_nothing_are_ignored_with_a_warning(api: CredentialClient) -> None:
    odd = ID | {"colour": 1, "instore": {"fax": "1"}, "wechat": {"account": []}}
    answer = put(api, "customers", odd)
    assert answer.status_code == 200
    assert answer.json()["warnings"] == [
        {
            "code": 51096,
            "message": "Unknown fields were ignored: [0].colour, [0].instore.fax,"
            " [0].wechat.account.",
        }
    ]


# --- Who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tills", "stores", "customers"])
def test_it_needs_write(bob: CredentialClient, client: Client, kind: str) -> None:
    assert put(bob, kind, {"id": 1, "code": "a"}).status_code == 403
    path = f"/v3/organization/{kind}"
    assert client.put(path, "[]", content_type="application/json").status_code == 401
    assert bob.get(path).status_code == 405


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_two_at_once_for_the_same_rows_leave_each_row_once(api: CredentialClient) -> None:
    answers: list[tuple[int, int, int]] = []

    def send() -> None:
        try:
            customers = [{**CUSTOMER, "id": number} for number in range(50)]
            answers.append(done(api, "customers", *customers))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(0, 0, 50)] * 3 + [(50, 0, 0)]
    assert Customer.objects.count() == 50
    assert CustomerIdentifier.objects.count() == 350
    assert Organization.objects.count() == 1
