"""POST, PUT and DELETE of event types."""

import json
from typing import Any

import pytest

from events.catalogue import CATALOGUE
from events.event_types import known_event_types
from events.models import EventType, Validation
from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from tests.factories import CredentialFactory, WebhookFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIST = "/v3/webHooks/eventMetaData"
ONE = f"{LIST}/reviewPosted"
SCHEMA = {
    "properties": {"data": {"properties": {"stars": {"type": "integer"}}, "required": ["stars"]}}
}
SAMPLE = {"data": {"stars": 5}}
FULL = {
    "eventName": "reviewPosted",
    "group": "Reviews",
    "description": "A review was posted.",
    "active": False,
    "validation": "reject",
    "schema": SCHEMA,
    "sample": SAMPLE,
}


def send(client: CredentialClient, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(path, body, format="json")


def data(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def codes(answer: Any, status: int = 400) -> dict[str | None, int]:
    assert answer.status_code == status, answer.content
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def warnings(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [warning["code"] for warning in answer.json()["warnings"] or []]


def test_an_added_type_is_answered_as_it_is_shown(api: CredentialClient) -> None:
    made = data(send(api, "post", LIST, FULL))
    assert made == {**FULL, "custom": True, "version": 1}
    assert made == data(api.get(ONE))
    assert {"active": False, "eventName": "reviewPosted"} in data(api.get(LIST))


def test_a_name_is_enough(api: CredentialClient) -> None:
    made = data(send(api, "post", LIST, {"eventName": "reviewPosted"}))
    assert (made["active"], made["validation"], made["schema"]) == (True, "warn", {})
    assert (made["group"], made["description"], made["sample"]) == ("", "", None)


def test_null_is_as_good_as_not_given(api: CredentialClient) -> None:
    body: dict[str, Any] = {**dict.fromkeys(FULL), "eventName": "reviewPosted"}
    assert data(send(api, "post", LIST, body))["active"] is True


def test_a_put_replaces_everything(api: CredentialClient) -> None:
    send(api, "post", LIST, FULL)
    changed = data(send(api, "put", ONE, {"description": "New"}))
    assert changed["description"] == "New"
    assert (changed["active"], changed["group"], changed["schema"]) == (True, "", {})
    assert changed["version"] == 2


def test_what_was_answered_can_be_sent_back(api: CredentialClient) -> None:
    shown = data(send(api, "post", LIST, FULL))
    answer = send(api, "put", ONE, shown)
    assert (data(answer), warnings(answer)) == (shown, [])
    assert AuditEntry.objects.count() == 1


def test_a_name_never_changes(api: CredentialClient) -> None:
    send(api, "post", LIST, FULL)
    answer = send(api, "put", ONE, {**FULL, "eventName": "another"})
    assert warnings(answer) == [51097]
    assert data(answer)["eventName"] == "reviewPosted"


def test_unknown_fields_are_ignored_with_one_warning(api: CredentialClient) -> None:
    answer = send(api, "post", LIST, {**FULL, "colour": 1, "size": 2})
    assert warnings(answer) == [51096]


def test_who_read_an_older_version_is_told(api: CredentialClient) -> None:
    send(api, "post", LIST, FULL)
    assert data(send(api, "put", ONE, {**FULL, "sample": None, "version": 1}))["version"] == 2
    assert codes(send(api, "put", ONE, {**FULL, "version": 1}), 409) == {"version": 51081}
    assert data(send(api, "put", ONE, {**FULL, "version": 2}))["version"] == 3


def test_older_versions_can_be_read(api: CredentialClient) -> None:
    send(api, "post", LIST, FULL)
    send(api, "put", ONE, {"schema": {"type": "object"}})
    first = data(api.get(ONE, {"version": "1"}))
    assert (first["schema"], first["sample"], first["version"]) == (SCHEMA, SAMPLE, 1)
    assert data(api.get(ONE, {"version": "2"})) == data(api.get(ONE))


@pytest.mark.parametrize("version", ["0", "3", "-1", "x", "²", "9" * 30, "1.0", " 1"])
def test_versions_that_do_not_exist_are_not_found(api: CredentialClient, version: str) -> None:
    send(api, "post", LIST, FULL)
    assert codes(api.get(ONE, {"version": version}), 404) == {None: 404}
    assert codes(api.get(f"{LIST}/transactionAdded", {"version": version}), 404) == {None: 404}


def test_a_deleted_type_is_gone_and_its_versions_are_not(api: CredentialClient) -> None:
    send(api, "post", LIST, {**FULL, "active": True})
    deleted = data(send(api, "delete", ONE))
    assert deleted["active"] is False
    assert codes(api.get(ONE), 404) == {None: 404}
    assert codes(send(api, "put", ONE, FULL), 404) == {None: 404}
    assert codes(send(api, "delete", ONE), 404) == {None: 404}
    assert data(api.get(ONE, {"version": "1"})) == deleted
    assert len(data(api.get(LIST))) == 78
    assert data(send(api, "post", LIST, FULL))["version"] == 2


def test_a_type_with_subscribers_stays(api: CredentialClient) -> None:
    send(api, "post", LIST, {**FULL, "active": True})
    WebhookFactory(organization=api.organization, name="Reviews to CRM", events=["reviewPosted"])
    answer = send(api, "delete", ONE)
    assert codes(answer, 409) == {None: 51082}
    assert "Reviews to CRM" in answer.json()["errors"][0]["message"]
    assert api.get(ONE).status_code == 200


def test_a_standard_type_is_switched_and_nothing_else(api: CredentialClient) -> None:
    path = f"{LIST}/transactionAdded"
    shown = data(send(api, "put", path, {"active": False}))
    assert (shown["active"], shown["validation"]) == (False, "warn")
    shown = data(send(api, "put", path, {"validation": "reject"}))
    assert (shown["active"], shown["validation"]) == (False, "reject")
    known = known_event_types(api.organization)["transactionAdded"]
    assert (known.active, known.validation) == (False, Validation.REJECT)
    for field, value in (("schema", {}), ("sample", {}), ("group", "X"), ("description", "")):
        assert codes(send(api, "put", path, {"active": True, field: value})) == {field: 51080}
    assert codes(send(api, "put", path, {"eventName": "x"})) == {"eventName": 51080}
    assert known_event_types(api.organization)["transactionAdded"].active is False


def test_a_standard_type_can_be_sent_back_as_it_was_answered(api: CredentialClient) -> None:
    for name in ("transactionAdded", "PP_EXPIRY_JOB"):
        shown = data(api.get(f"{LIST}/{name}"))
        answer = send(api, "put", f"{LIST}/{name}", {**shown, "active": False})
        assert data(answer) == {**shown, "active": False}
        assert warnings(answer) == []


def test_a_standard_type_is_not_deleted(api: CredentialClient) -> None:
    assert codes(send(api, "delete", f"{LIST}/transactionAdded")) == {"eventName": 51080}
    assert len(data(api.get(LIST))) == len(CATALOGUE)


def test_read_changes_nothing(api: CredentialClient, bob: CredentialClient) -> None:
    send(api, "post", LIST, FULL)
    for method, path in (("post", LIST), ("put", ONE), ("delete", ONE)):
        assert codes(send(bob, method, path, {**FULL, "group": "Bob's"}), 403) == {None: 4000}
    assert data(bob.get(ONE))["group"] == "Reviews"


def test_another_organizations_type_does_not_exist(
    api: CredentialClient, charlie: CredentialClient
) -> None:
    send(api, "post", LIST, FULL)
    for method in ("put", "delete"):
        bodies: list[Any] = [FULL, {"active": "x"}, []]
        for body in bodies:
            assert send(charlie, method, ONE, body).status_code in {404, 400}
    assert codes(send(charlie, "put", ONE, FULL), 404) == {None: 404}
    assert codes(charlie.get(ONE, {"version": "1"}), 404) == {None: 404}
    assert data(api.get(ONE))["version"] == 1
    assert data(send(charlie, "post", LIST, {"eventName": "reviewPosted"}))["version"] == 1
    assert data(api.get(ONE))["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], {None: 51049}),
        ("text", {None: 51049}),
        ({}, {"eventName": 51072}),
        ({"eventName": None}, {"eventName": 51072}),
        ({"eventName": 7}, {"eventName": 51063}),
        ({"eventName": "a b"}, {"eventName": 51074}),
        ({"eventName": "ens.x"}, {"eventName": 51075}),
        ({"eventName": "x" * 101}, {"eventName": 51064}),
        ({"eventName": "a", "group": []}, {"group": 51063}),
        ({"eventName": "a", "group": "x" * 101}, {"group": 51064}),
        ({"eventName": "a", "description": "x" * 2_001}, {"description": 51064}),
        ({"eventName": "a", "active": "true"}, {"active": 51063}),
        ({"eventName": "a", "active": 1}, {"active": 51063}),
        ({"eventName": "a", "validation": "maybe"}, {"validation": 51068}),
        ({"eventName": "a", "validation": ["off"]}, {"validation": 51068}),
        ({"eventName": "a", "version": "1"}, {"version": 51063}),
        ({"eventName": "a", "schema": {"type": "x"}}, {"schema": 51078}),
        ({"eventName": "a", "sample": {"data": 1}}, {"sample": 51079}),
        (
            {"eventName": "a b", "active": "x", "schema": [], "sample": {}},
            {"eventName": 51074, "active": 51063, "schema": 51078},
        ),
    ],
)
def test_every_broken_rule_is_told_at_its_field(
    api: CredentialClient, body: Any, expected: dict[str | None, int]
) -> None:
    assert codes(send(api, "post", LIST, body)) == expected
    assert not EventType.objects.exists()
    if isinstance(body, dict):
        put = {name: value for name, value in expected.items() if name != "eventName"}
        send(api, "post", LIST, {"eventName": "reviewPosted"})
        answer = send(api, "put", ONE, body)
        assert answer.status_code == (400 if put else answer.status_code)
        assert answer.status_code < 500


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a": NaN}', '{"schema": ' + "[" * 70 + "]" * 70 + "}", '{"a": 1, "a": 2}', "\xff"],
)
def test_what_is_no_json_is_refused(api: CredentialClient, text: str) -> None:
    for method, path in (("post", LIST), ("put", f"{LIST}/transactionAdded")):
        answer = getattr(api, method)(path, text.encode("latin-1"), content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["errors"]


def test_a_hostile_schema_is_refused_in_one_sentence(api: CredentialClient) -> None:
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(40)}
    schema = {"definitions": {**parts, "d40": {}}, "$ref": "#/definitions/d0"}
    answer = send(api, "post", LIST, {"eventName": "a", "schema": schema})
    assert codes(answer) == {"schema": 51078}
    assert len(json.dumps(answer.json())) < 1_000


def test_the_description_of_the_api_tells_of_it(api: CredentialClient) -> None:
    described = json.loads(api.get("/api/schema", headers={"Accept": "application/json"}).content)
    path = next(path for path in described["paths"] if path.endswith("eventMetaData"))
    assert {"get", "post"} <= described["paths"][path].keys()
    one = next(path for path in described["paths"] if "eventMetaData/{" in path)
    assert {"get", "put", "delete"} <= described["paths"][one].keys()


def test_a_till_is_recorded_as_the_author(api: CredentialClient) -> None:
    send(api, "post", LIST, FULL)
    version = EventType.objects.get().versions.get()
    assert version.created_by["code"] == api.credential.code
    other = CredentialClient(CredentialFactory(organization=api.organization))
    send(other, "put", ONE, {})
    assert EventType.objects.get().versions.first().author == other.credential.code  # type: ignore[union-attr]
