"""Whatever is sent to the API, it answers in its envelope and never with a fault of its own."""

import json
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import CredentialClient
from tests.endpoints import METHODS, Endpoint, api_endpoints
from tests.factories import DeliveryFactory, ReplayFactory, WebhookFactory
from tests.webhooks.test_api import SAMPLE

pytestmark = pytest.mark.django_db

ENDPOINTS = api_endpoints()
BODIES = [
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"[{}]",
    b"{",
    b"\xff\xfe",
    b"NaN",
    b"1e999",
    b"[NaN]",
    b"1" * 5000,
    b"[" * 5000,
    b"[" * 64 + b"]" * 64,
    b'{"a":' * 5000,
    b'{"data":{},"data":{}}',
    b'{"eventName":"\\u0000"}',
    b'{"name":"\\ud800"}',
    b'"' + b"x" * 100_000 + b'"',
    b"{" + b",".join(b'"k%d":1' % number for number in range(20_000)) + b"}",
    b"[" + b"{}," * 1000 + b"{}]",
    b"<?xml version='1.0'?><a/>",
    b"a=1&b=2",
]
PARAMETERS = [
    *("x", "0", "-1", "%", "%25", "'", '"', "\\", "..", "{}", "[]", "$(id)", "a/b", " ", "é", "😀"),
    *("null", "None", "0" * 24, "g" * 24, "9" * 30, "x" * 3000, "1e999", "٣", "\u202e", "\n"),
    "' OR 1=1 --",
]
QUERY = [
    *("name", "active", "eventName", "consumerGroupId", "eventType", "eventSearchKey"),
    *("requestId", "status", "startDate", "endDate", "sortBy", "page", "pageSize", "format"),
]
TYPES = [
    *("application/json", "application/x-www-form-urlencoded", "multipart/form-data"),
    *("text/html", "application/json; charset=utf-16", "application/json; charset=nonsense", "x"),
]


def check(answer: Any) -> None:
    """In the envelope, and not our fault."""
    assert answer.status_code < 500, answer.content
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Cap-Requestid"]
    shown = json.loads(answer.content.decode())
    assert set(shown) == {"data", "errors", "warnings"}
    assert (shown["errors"] is None) is (answer.status_code < 400)
    for error in shown["errors"] or []:
        assert set(error) == {"code", "message", "field"}
        assert isinstance(error["code"], int)
        assert error["code"] != 51099
        assert 0 < len(error["message"]) <= 500


@pytest.fixture
def ids(api: CredentialClient) -> dict[str, Any]:
    webhook = WebhookFactory(organization=api.organization)
    event = DeliveryFactory(webhook=webhook).event
    return {
        "public_id": webhook.public_id,
        "consumer_group_id": webhook.consumer_group_id,
        "event_name": "transactionAdded",
        "event_id": event.event_id,
        "ref_id": event.ref_id,
        "request_id": event.request_id,
        "replay_id": ReplayFactory(webhook=webhook, finished_at=timezone.now()).pk,
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_hostile_bodies(endpoint: Endpoint, api: Any, ids: dict[str, Any]) -> None:
    for method in METHODS:
        for body in BODIES:
            check(api.generic(method, endpoint.url(ids), body, "application/json"))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_hostile_media_types(endpoint: Endpoint, api: Any, ids: dict[str, Any]) -> None:
    for method in METHODS:
        for content_type in TYPES:
            check(api.generic(method, endpoint.url(ids), b'{"a": 1}', content_type))


@pytest.mark.parametrize("endpoint", [found for found in ENDPOINTS if found.parameters], ids=str)
def test_hostile_paths(endpoint: Endpoint, api: CredentialClient, ids: dict[str, Any]) -> None:
    for value in PARAMETERS:
        url = endpoint.url(dict.fromkeys(ids, value))
        check(api.get(url))
        check(api.delete(url))
        check(api.put(url, SAMPLE))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_hostile_queries(endpoint: Endpoint, api: CredentialClient, ids: dict[str, Any]) -> None:
    url = endpoint.url(ids)
    for value in PARAMETERS:
        check(api.get(url, dict.fromkeys(QUERY, value)))
    for value in ("-1", "2147483648", "9223372036854775808", "253402300800000", "é"):
        for name in QUERY:
            check(api.get(url, {name: value}))
    check(api.get(url, {"a" * 3000: "b" * 3000}))
    check(api.get(url + "?" + "page=1&" * 1500))
    check(api.get(url + "?%zz=%&==&&=;"))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic"},
        {"Authorization": "Basic ////"},
        {"Authorization": "Basic " + "eA" * 5000},
        {"Authorization": "Bearer x"},
        {"X-CAP-API-OAUTH-TOKEN": "é"},
        {"X-CAP-API-OAUTH-TOKEN": "a.b.c"},
        {"Accept": "*"},
        {"Accept": "text/html;q=x,,;"},
        {"Accept": "a/" * 5000},
        {"Accept-Language": "\x80"},
        {"Cookie": "sessionid=\x80; csrftoken=" + "x" * 5000},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Range": "bytes=0-0"},
        {"If-None-Match": "*"},
        {"Content-Length": "-5"},
        {"Content-Length": "nonsense"},
    ],
    ids=str,
)
def test_hostile_headers(
    endpoint: Endpoint, headers: dict[str, str], api: CredentialClient, ids: dict[str, Any]
) -> None:
    for method in ("GET", "POST"):
        check(api.generic(method, endpoint.url(ids), "{}", "application/json", headers=headers))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**399, 1e308, -0.0])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
unhurried = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WEBHOOK_FIELDS = [
    *SAMPLE,
    *("description", "timeoutInSeconds", "replayOn429", "customerIdentifiersToBeEnriched"),
    *("cardNumberEnrichmentEnabled", "listenToChildEvents", "attribution", "webHookId", "x"),
]
EVENT = {"eventName": "transactionAdded", "data": {"transactionId": 1}}
EVENT_FIELDS = [
    *("eventName", "eventId", "orgId", "refId", "apiRequestId", "createdAt", "data"),
    *("eventType", "attributes", "timeStamp", "eventSearchKey", "loyaltyEventId"),
]


@unhurried
@given(changes=st.dictionaries(st.sampled_from(WEBHOOK_FIELDS), json_values, max_size=4))
def test_any_value_in_any_field_of_a_webhook(
    changes: dict[str, Any], api: CredentialClient, ids: dict[str, Any]
) -> None:
    url = f"/v3/webHooks/{ids['public_id']}"
    check(api.post("/v3/webHooks", SAMPLE | changes))
    check(api.put(url, SAMPLE | changes))
    check(api.patch(url, changes))
    check(api.get("/v3/webHooks"))


@unhurried
@given(changes=st.dictionaries(st.sampled_from(EVENT_FIELDS), json_values, max_size=3))
def test_any_value_in_any_field_of_an_event(changes: dict[str, Any], api: CredentialClient) -> None:
    check(api.post("/v3/events", EVENT | changes))
    check(api.post("/v3/events", [EVENT, EVENT | changes]))


@unhurried
@given(body=json_values)
def test_any_json_as_body_of_anything(
    body: Any, api: CredentialClient, ids: dict[str, Any]
) -> None:
    text = json.dumps(body)
    for endpoint in ENDPOINTS:
        for method in ("POST", "PUT", "PATCH"):
            check(api.generic(method, endpoint.url(ids), text, "application/json"))
