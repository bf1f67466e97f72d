from typing import Any

import pytest

from events.catalogue import CATALOGUE, standard_sample
from events.models import EventType
from organizations.models import Access
from tests.conftest import CredentialClient
from tests.factories import CredentialFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIST = "/v3/webHooks/eventMetaData"


def data_of(client: CredentialClient, path: str, **query: Any) -> Any:
    response = client.get(path, query)
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["errors"] is None
    assert body["warnings"] is None
    return body["data"]


def error_of(client: CredentialClient, path: str, status: int, **query: Any) -> dict[str, Any]:
    response = client.get(path, query)
    assert response.status_code == status, response.content
    body = response.json()
    assert body["data"] is None
    (error,) = body["errors"]
    return dict(error)


def test_the_catalogue_is_listed_by_name(bob: CredentialClient) -> None:
    types = data_of(bob, LIST)
    assert [entry["eventName"] for entry in types] == sorted(CATALOGUE)
    assert {"active": True, "eventName": "transactionAdded"} in types
    assert {tuple(entry) for entry in types} == {("active", "eventName")}


def test_custom_and_switched_types_are_in_the_list(api: CredentialClient) -> None:
    EventType.objects.create(organization=api.organization, name="aReview", schema={})
    EventType.objects.create(organization=api.organization, name="CouponIssue", active=False)
    types = data_of(api, LIST)
    assert len(types) == 79
    assert {"active": True, "eventName": "aReview"} in types
    assert {"active": False, "eventName": "CouponIssue"} in types
    assert types == sorted(types, key=lambda entry: entry["eventName"])


@pytest.mark.parametrize(
    ("query", "count"),
    [("true", 77), ("TRUE", 77), ("false", 1), ("", 78)],
)
def test_the_list_can_be_limited_to_active_types(
    api: CredentialClient, query: str, count: int
) -> None:
    EventType.objects.create(organization=api.organization, name="CouponIssue", active=False)
    assert len(data_of(api, LIST, active=query)) == count


def test_active_is_true_or_false(api: CredentialClient) -> None:
    error = error_of(api, LIST, 400, active="maybe")
    assert error["field"] == "active"


def test_a_standard_type_is_shown_with_schema_and_sample(bob: CredentialClient) -> None:
    shown = data_of(bob, f"{LIST}/transactionAdded")
    documented = ["active", "eventName", "schema", "sample", "description", "group"]
    assert list(shown) == [*documented, "validation", "custom", "version"]
    assert (shown["validation"], shown["custom"], shown["version"]) == ("warn", False, None)
    assert shown["active"] is True
    assert shown["eventName"] == "transactionAdded"
    assert shown["schema"]["type"] == "object"
    assert "$ref" not in repr(shown["schema"])
    assert shown["sample"] == standard_sample("transactionAdded")
    assert shown["group"] == CATALOGUE["transactionAdded"].group
    assert shown["description"]


def test_every_standard_type_can_be_shown(api: CredentialClient) -> None:
    for name in CATALOGUE:
        assert data_of(api, f"{LIST}/{name}")["eventName"] == name


@pytest.mark.parametrize("name", ["odd/name", "name with spaces", "99%", "café", "a?b#c"])
def test_a_custom_types_name_may_have_any_characters(api: CredentialClient, name: str) -> None:
    EventType.objects.create(organization=api.organization, name=name, schema={"type": "object"})
    path = f"{LIST}/" + "".join(f"%{byte:02X}" for byte in name.encode())
    assert data_of(api, path)["eventName"] == name


@pytest.mark.parametrize(
    "path", [f"{LIST}/", "/v3/webhooks/eventMetaData", "/v3/WEBHOOKS/eventMetaData/"]
)
def test_the_list_answers_under_all_spellings_of_its_path(api: CredentialClient, path: str) -> None:
    assert len(data_of(api, path)) == 78


def test_a_trailing_slash_makes_no_difference(api: CredentialClient) -> None:
    assert data_of(api, f"{LIST}/tierUpgraded/") == data_of(api, f"{LIST}/tierUpgraded")


@pytest.mark.parametrize("name", ["TransactionAdded", "nothing", "transactionAdded%0A", "%20"])
def test_an_unknown_name_is_not_found(api: CredentialClient, name: str) -> None:
    error = error_of(api, f"{LIST}/{name}", 404)
    assert error["code"] == 404


def test_another_organizations_custom_type_is_not_found(
    api: CredentialClient, charlie: CredentialClient
) -> None:
    EventType.objects.create(organization=api.organization, name="aReview", schema={})
    error_of(charlie, f"{LIST}/aReview", 404)
    assert len(data_of(charlie, LIST)) == 78


def test_without_read_the_catalogue_is_denied(api: CredentialClient) -> None:
    nobody = CredentialClient(CredentialFactory(webhooks_access=Access.NONE))
    assert error_of(nobody, LIST, 403)["code"] == 4000
    assert error_of(nobody, f"{LIST}/transactionAdded", 403)["code"] == 4000


def test_the_list_costs_a_busy_caller_no_query(
    api: CredentialClient, django_assert_num_queries: Any
) -> None:
    data_of(api, f"{LIST}/tierUpgraded")  # credential and types are remembered from here on
    with django_assert_num_queries(0):
        data_of(api, LIST)
