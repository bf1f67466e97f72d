"""A custom event type has the same rules whether it comes by the form or by the API."""

import json
from typing import Any

import pytest

from events.models import EventType
from tests.conftest import CredentialClient, PageClient
from tests.factories import CredentialFactory

pytestmark = pytest.mark.django_db

DRAFTS = [
    *(f"http://json-schema.org/draft-0{number}/schema#" for number in (4, 6, 7)),
    *(f"https://json-schema.org/draft/{year}/schema" for year in ("2019-09", "2020-12")),
]
STARS = {
    "properties": {"data": {"properties": {"stars": {"type": "integer"}}, "required": ["stars"]}}
}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


NAMES = {
    "reviewPosted": True,
    "R": True,
    "PP_EXPIRY_DAY": True,
    "brand.order-placed_2": True,
    "x" * 100: True,
    "x" * 101: False,
    "": False,
    " ": False,
    "2fast": False,
    "_x": False,
    "-": False,
    "a b": False,
    "a/b": False,
    "a%2Fb": False,
    "café": False,
    "a\nb": False,
    "a\u202eb": False,
    "ens.webhook.failing": False,
    "ENS.x": False,
    "ensemble": True,
    "transactionAdded": False,
    "TransactionADDED": False,
    "couponIssue": False,
}
SCHEMAS: list[tuple[Any, bool]] = [
    (None, True),
    ({}, True),
    *(({"$schema": draft, "type": "object"}, True) for draft in DRAFTS),
    ({"$schema": "http://json-schema.org/draft-03/schema#"}, False),
    ({"$schema": "https://example.com/own"}, False),
    ({"$schema": 7}, False),
    ([], False),
    ("{}", False),
    (True, False),
    (7, False),
    ({"type": "nonsense"}, False),
    ({"properties": []}, False),
    ({"$ref": "https://example.com/schema.json"}, False),
    ({"$ref": "http://127.0.0.1:6379/"}, False),
    ({"$ref": "file:///etc/passwd"}, False),
    ({"properties": {"a": {"$ref": "other.json"}}}, False),
    ({"$ref": "#/definitions/missing"}, False),
    ({"$ref": "#"}, False),
    ({"pattern": "(?=a)"}, False),
    ({"pattern": "(a+)+$"}, True),
    (nested(30), True),
    ({"description": "x" * 260_000}, True),
    ({"description": "x" * 265_000}, False),
    ({"properties": {f"p{n}": {} for n in range(6_000)}}, False),
    ({"anyOf": [{"$ref": "#/$defs/a"}] * 2, "$defs": {"a": {"$ref": "#"}}}, False),
]
SAMPLES: list[tuple[Any, bool]] = [
    (None, True),
    ({"data": {"stars": 5}}, True),
    ({"data": {"stars": 5}, "eventName": "reviewPosted"}, True),
    ({"data": {"stars": 5}, "orgId": 42, "eventId": "a-1", "createdAt": 1619199042493}, True),
    ({"data": {"stars": 5}, "eventName": "another"}, False),
    ({"data": {"stars": "5"}}, False),
    ({"data": {}}, False),
    ({"data": []}, False),
    ({"stars": 5}, False),
    ({}, False),
    ([], False),
    ("text", False),
    ({"data": {"stars": 5}, "createdAt": "yesterday"}, False),
    ({"data": {"stars": 5}, "eventId": ""}, False),
    ({"data": {"stars": 5, "long": "x" * 265_000}}, False),
]


def take_by_api(client: PageClient, fields: dict[str, Any]) -> tuple[bool, set[str]]:
    api = CredentialClient(CredentialFactory(organization=client.organization))
    answer = api.post("/v3/webHooks/eventMetaData", fields, format="json")
    assert answer.status_code in {200, 400}, answer.content
    errors = answer.json()["errors"] or []
    assert all(51_000 < error["code"] < 51_099 for error in errors)
    return answer.status_code == 200, {error["field"] for error in errors}


def take_by_form(client: PageClient, fields: dict[str, Any]) -> tuple[bool, set[str]]:
    typed = {
        "name": fields["eventName"],
        "validation": "warn",
        **{
            name: json.dumps(fields[name])
            for name in ("schema", "sample")
            if fields.get(name) is not None
        },
    }
    answer = client.post("/catalogue/-/new", typed)
    assert answer.status_code in {200, 302}
    if answer.status_code == 302:
        return True, set()
    errors = answer.context["form"].errors
    return False, {{"name": "eventName"}.get(field, field) for field in errors}


@pytest.mark.parametrize("take", [take_by_api, take_by_form])
@pytest.mark.parametrize(("name", "is_fine"), NAMES.items(), ids=map(repr, NAMES))
def test_names(alice: PageClient, take: Any, name: str, is_fine: bool) -> None:
    taken, wrong = take(alice, {"eventName": name})
    assert taken is is_fine
    assert wrong == (set() if is_fine else {"eventName"})
    assert EventType.objects.filter(name=name).exists() is is_fine


@pytest.mark.parametrize("take", [take_by_api, take_by_form])
@pytest.mark.parametrize(("schema", "is_fine"), SCHEMAS, ids=lambda value: str(value)[:50])
def test_schemas(alice: PageClient, take: Any, schema: Any, is_fine: bool) -> None:
    taken, wrong = take(alice, {"eventName": "reviewPosted", "schema": schema})
    assert taken is is_fine
    assert wrong == (set() if is_fine else {"schema"})
    if is_fine:
        assert EventType.objects.get().schema == schema


@pytest.mark.parametrize("take", [take_by_api, take_by_form])
@pytest.mark.parametrize(("sample", "is_fine"), SAMPLES, ids=lambda value: str(value)[:50])
def test_samples(alice: PageClient, take: Any, sample: Any, is_fine: bool) -> None:
    fields = {"eventName": "reviewPosted", "schema": STARS, "sample": sample}
    taken, wrong = take(alice, fields)
    assert taken is is_fine
    assert wrong == (set() if is_fine else {"sample"})


@pytest.mark.parametrize(("take", "field"), [(take_by_api, None), (take_by_form, "schema")])
def test_a_schema_that_is_too_deep(alice: PageClient, take: Any, field: str | None) -> None:
    """To the API it is a body that is too deep, before it is anything else."""
    assert take(alice, {"eventName": "a", "schema": nested(40)}) == (False, {field})


@pytest.mark.parametrize("take", [take_by_api, take_by_form])
def test_a_wrong_schema_says_nothing_about_the_sample(alice: PageClient, take: Any) -> None:
    fields = {"eventName": "reviewPosted", "schema": {"type": "x"}, "sample": {"data": {}}}
    assert take(alice, fields) == (False, {"schema"})
