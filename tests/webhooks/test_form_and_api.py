"""The form and the API refuse the same inputs with the same words."""

import json
from typing import Any

import pytest

from tests.conftest import CredentialClient, PageClient
from tests.factories import CredentialFactory
from tests.webhooks.forms import FILLED, NEW, problems
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

VALID: dict[str, Any] = {
    "name": "Coupon wallet",
    "webHookUrl": "https://receiver.example.com/in",
    "webHookType": "HTTP",
    "methodType": "POST",
    "maxAllowedConnections": 20,
    "slaInSeconds": 30,
    "timeoutInSeconds": 30,
    "description": "",
    "webHookHeaders": {},
    "eventNames": ["transactionAdded"],
}
FIELDS = {
    "name": "name",
    "webHookUrl": "url",
    "webHookType": "webhook_type",
    "methodType": "method",
    "maxAllowedConnections": "max_connections",
    "slaInSeconds": "sla_s",
    "timeoutInSeconds": "timeout_s",
    "description": "description",
}
BOXES = {
    "tillDetailsEnrichmentEnabled": "enrich_till",
    "storeDetailsEnrichmentEnabled": "enrich_store",
    "cardNumberEnrichmentEnabled": "enrich_card_number",
    "awardedReferenceEnrichmentEnabled": "enrich_awarded_reference",
    "availablePointsBalanceEnrichmentEnabled": "enrich_points_balance",
    "replayOn429": "replay_on_429",
    "listenToChildEvents": "listen_to_child_events",
}
SOURCES = "customerIdentifiersToBeEnriched"
URLS = [
    *("", " ", "x", "receiver.example.com", "//receiver.example.com/", "http://", "https:///x"),
    *("ftp://receiver.example.com/", "javascript:alert(1)", "file:///etc/passwd"),
    *("https://receiver.example.com/#part", "https://receiver.example.com:22/", "https://a b/"),
    *("https://user:secret@receiver.example.com/", "https://receiver.example.com:99999/"),
    *("http://10.20.4.17/in", "http://168430081/", "http://0xa.1/", "http://[fd00::1]/"),
    *("http://169.254.169.254/latest", "http://192.168.1.1./"),
    *("http://[::ffff:10.0.0.1]/", "https://receiver.example.com/" + "x" * 2_000),
    *("https://receiver.example.com/\r\nX: y", " https://receiver.example.com/", "http://x\x00y/"),
]
NAMES = ["", "   ", "x" * 201, "a\nb", "a\x07b", "a\x00b"]
CONNECTIONS: list[Any] = [0, -1, 0.5, 1001, 10**30, "many", "1e3", "٢٠", "1_0"]
SLAS: list[Any] = [-1, 1.5, 2**31, 10**100, "soon"]
TIMEOUTS: list[Any] = [0, -3, 31, 2.5, "long"]
HEADERS = [
    {"Host": "x"},
    {"host": "x"},
    {"Content-Length": "1"},
    {"Proxy-Authorization": "x"},
    {"webhook-signature": "x"},
    {"a b": "x"},
    {"": "x"},
    {"Ä": "x"},
    {"X" * 201: "x"},
    {"X-A": "é"},
    {"X-A": "a\nb"},
    {"X-A": "a\x00b"},
    {"X-A": "x" * 4_097},
    {"X-A": "Bear••••"},
    {"X-A": "x", "x-a": "y"},
    {f"X-{number}": "x" for number in range(51)},
    {"Host": "x", "X-A": "é"},
]
EVENTS: list[list[str]] = [
    [],
    [""],
    ["nothingLikeIt"],
    ["transactionadded"],
    ["transactionAdded", "<script>alert(1)</script>", "x" * 300],
    ["a\x00b"],
]
FILTERS: list[Any] = [
    *([], "data.amount", 7, True, {"": 1}, {"a": {}}, {"a": {"$like": 1}}, {"a": [1]}),
    *({"$or": []}, {"$or": {"a": 1}}, {"$not": 1}, {"a": {"$gte": None}}, {"a": {"$in": 1}}),
    *({"a": {"$exists": 1}}, {"a": {"$startsWith": 1}}, {"x" * 300: 1}, {"a": "x" * 20_000}),
    *({f"a{number}": number for number in range(101)}, {"a": {"$in": [0] * 1_001}}),
    {
        "$and": [
            {
                "$and": [
                    {
                        "$and": [
                            {
                                "$and": [
                                    {
                                        "$and": [
                                            {"$and": [{"$and": [{"$and": [{"$and": [{"a": 1}]}]}]}]}
                                        ]
                                    }
                                ]
                            }
                        ]
                    }
                ]
            }
        ]
    },
    {"a": {"$like": 1}, "b": {"$gte": None}},
]
CASES = [
    *[{"name": name} for name in NAMES],
    *[{"webHookUrl": url} for url in URLS],
    *[{"maxAllowedConnections": number} for number in CONNECTIONS],
    *[{"slaInSeconds": number} for number in SLAS],
    *[{"timeoutInSeconds": number} for number in TIMEOUTS],
    *[{"methodType": method} for method in ("GET", "", "delete")],
    *[{"webHookType": kind} for kind in ("kafka", "", "HTTPS")],
    *[{"description": text} for text in ("x" * 2_001, "a\x00b")],
    *[{SOURCES: names} for names in (["MySpace"], [""], ["Instore", "x" * 300], ["a\x00b"])],
    {"cardNumberEnrichmentEnabled": True},
    *[{"filter": value} for value in FILTERS],
    *[{"webHookHeaders": headers} for headers in HEADERS],
    *[{"eventNames": names} for names in EVENTS],
    {"name": "", "webHookUrl": "x", "maxAllowedConnections": 0, "eventNames": []},
]
MISSING = ["name", "webHookUrl", "maxAllowedConnections", "eventNames"]


def as_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The same input as a form has it."""
    fields: dict[str, Any] = {
        FIELDS[name]: str(value) for name, value in body.items() if name in FIELDS
    }
    fields |= {field: "on" for name, field in BOXES.items() if body.get(name)}
    if body.get(SOURCES):
        fields |= {"customer_identifier": "on", "enrich_customer_sources": body[SOURCES]}
    if "filter" in body:
        fields["filter"] = json.dumps(body["filter"])
    fields["header_name"] = list(body.get("webHookHeaders", {}))
    fields["header_value"] = list(body.get("webHookHeaders", {}).values())
    return fields | {"event_names": body.get("eventNames", [])}


def api_words(client: CredentialClient, body: dict[str, Any]) -> set[str]:
    answer = client.post("/v3/webHooks", body)
    assert answer.status_code == 400, answer.content
    return {error["message"] for error in answer.json()["errors"]}


def form_words(client: PageClient, fields: dict[str, Any]) -> set[str]:
    answer = client.post(NEW, fields)
    assert answer.status_code == 200
    return {message for _, message in problems(answer)}


def holds_nul(value: Any) -> bool:
    return "\\x00" in repr(value)


@pytest.mark.parametrize("changes", CASES, ids=lambda case: repr(case)[:60])
def test_form_and_api_refuse_the_same_with_the_same_words(
    api: CredentialClient, alice: PageClient, changes: dict[str, Any]
) -> None:
    body = VALID | changes
    told = form_words(alice, as_fields(body))
    # A JSON body with NUL is refused before anybody looks at its fields.
    assert told if holds_nul(changes) else told == api_words(api, body)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_told_in_the_same_words(
    api: CredentialClient, alice: PageClient, name: str
) -> None:
    body = {key: value for key, value in VALID.items() if key != name}
    assert form_words(alice, as_fields(body)) == api_words(api, body)


def test_a_name_that_is_taken_is_told_in_the_same_words(alice: PageClient) -> None:
    assert alice.post(NEW, FILLED).status_code == 302
    api = CredentialClient(CredentialFactory())
    told = form_words(alice, FILLED)
    assert told == api_words(api, VALID)
    assert len(told) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"maxAllowedConnections": 10.99},
        {"slaInSeconds": 0},
        {"webHookHeaders": {"X-A": "  spaced  ", "Content-Type": "application/json"}},
        {"eventNames": ["CouponIssue", "CouponIssue", "transactionAdded"]},
        {"methodType": "put"},
        {"name": "  trimmed  "},
        {"name": "<script>alert(1)</script>"},
        {"description": "Two\nlines"},
        {"webHookType": "http"},
        {SOURCES: ["WeChat", "Instore"], "cardNumberEnrichmentEnabled": True},
        {SOURCES: ["wechat", "web_engage", "WeChat"]},
        dict.fromkeys(BOXES, True) | {SOURCES: ["Instore"]},
        {"filter": {"data.amount": {"$gte": 1.0}, "$or": [{"a": None}, {"b": "\u00fc"}]}},
        {"filter": {}},
        {"filter": None},
    ],
    ids=repr,
)
def test_form_and_api_make_the_same_of_what_they_take(
    api: CredentialClient, alice: PageClient, changes: dict[str, Any]
) -> None:
    body = VALID | changes
    assert api.post("/v3/webHooks", body).status_code == 200
    by_api = Webhook.objects.get()
    assert api.delete(f"/v3/webHooks/{by_api.public_id}").status_code == 200
    assert alice.post(NEW, as_fields(body)).status_code == 302
    by_form = Webhook.objects.get(organization=alice.organization)
    sources = by_form.enrich_customer_sources, by_api.enrich_customer_sources
    assert sources[0] == sources[1]
    for name in (*FIELDS.values(), *BOXES.values(), "filter"):
        assert getattr(by_form, name) == getattr(by_api, name), name
    assert by_form.header_pairs == by_api.header_pairs
    assert set(by_form.event_names) == set(by_api.event_names)
