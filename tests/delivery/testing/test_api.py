"""POST /v3/webHooks/{webHookId}/test."""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from delivery.models import Delivery
from delivery.testing import send
from events import event_types
from events.models import Event, EventType
from tests.conftest import CredentialClient
from tests.factories import OrganizationFactory, WebhookFactory
from tests.receiver import Receiver
from webhooks.models import Header, Webhook, WebhookType

pytestmark = pytest.mark.django_db

DATA = {"note": "mine", "amount": 1.0, "id": 2**80}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(api: CredentialClient, receiver: Receiver) -> Webhook:
    webhook = WebhookFactory(organization=api.organization, url=receiver.url())
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value="Bearer hunter2")
    return webhook


def path(webhook: Webhook) -> str:
    return f"/v3/webHooks/{webhook.public_id}/test"


def sent(client: CredentialClient, webhook: Webhook, **body: Any) -> Any:
    """The data of the answer."""
    answer = client.post(path(webhook), {"eventName": "transactionAdded", **body}, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def refusal(client: CredentialClient, webhook: Webhook, body: Any) -> list[tuple[int, str | None]]:
    answer = client.post(path(webhook), body, format="json")
    assert answer.status_code in {400, 413}, answer.content
    assert not Event.objects.exists()
    return [(error["code"], error["field"]) for error in answer.json()["errors"]]


def test_the_answer_tells_what_was_sent_and_what_the_receiver_said(
    api: CredentialClient, webhook: Webhook, receiver: Receiver
) -> None:
    Webhook.objects.update(url=receiver.url("/status/201?body=thanks&retry_after=7"))
    data = sent(api, webhook)
    (request,) = receiver.requests
    assert data == {
        "eventId": request.headers["webhook-id"],
        "eventName": "transactionAdded",
        "delivered": True,
        "webhookHttpStatus": 201,
        "responseHeaders": [["Retry-After", "7"], ["Content-Length", "6"]],
        "responseBody": "thanks",
        "responseBodyTruncated": False,
        "time_taken": data["time_taken"],
        "error": None,
        "errorDetail": None,
        "acknowledgement": None,
        "address": f"127.0.0.1:{receiver.port}",
        "requestHeaders": data["requestHeaders"],
        "requestBody": request.body.decode(),
    }
    assert data["time_taken"] > 0
    shown = {name.lower(): value for name, value in data["requestHeaders"]}
    assert shown["authorization"] == "Bear••••"
    assert shown["webhook-id"] == data["eventId"]


@pytest.mark.parametrize(
    ("target", "status", "error"),
    [
        ("/status/404", 404, None),
        ("/status/410", 410, None),
        ("/status/500", 500, None),
        ("/status/302", 302, None),
        ("/reset", None, "reset"),
        ("/garbage", None, "invalid_response"),
    ],
)
def test_ours_is_200_whatever_the_receiver_said(
    api: CredentialClient,
    webhook: Webhook,
    receiver: Receiver,
    target: str,
    status: int | None,
    error: str | None,
) -> None:
    Webhook.objects.update(url=receiver.url(target), timeout_s=1)
    data = sent(api, webhook)
    assert (data["delivered"], data["webhookHttpStatus"], data["error"]) == (False, status, error)
    webhook.refresh_from_db()
    assert webhook.is_active


def test_an_address_that_is_not_allowed_is_told(api: CredentialClient, webhook: Webhook) -> None:
    Webhook.objects.update(url="http://10.0.0.1/")
    data = sent(api, webhook)
    assert (data["error"], data["address"]) == ("forbidden_address", None)
    assert data["errorDetail"] == "10.0.0.1 is not a public address (private)"


def test_the_sample_is_completed_as_an_accepted_event(
    api: CredentialClient, webhook: Webhook
) -> None:
    body = json.loads(sent(api, webhook)["requestBody"])
    sample = event_types.sample_of(api.organization, "transactionAdded")
    assert body["data"] == sample["data"]
    assert body["orgId"] == api.organization.pk
    assert body["eventId"] != sample["eventId"]
    assert body["createdAt"] > sample["createdAt"]
    assert body["refId"].startswith(f"{api.organization.pk}_")


def test_data_of_ones_own_takes_the_place_of_the_samples(
    api: CredentialClient, webhook: Webhook
) -> None:
    body = sent(api, webhook, data=DATA)["requestBody"]
    assert '"data":{"note":"mine","amount":1.0,"id":1208925819614629174706176}' in body


def test_the_whole_event_may_be_ones_own(api: CredentialClient, webhook: Webhook) -> None:
    event = {"shop": 7, "eventId": "mine", "refId": "my-ref", "data": DATA, "createdAt": 1}
    body = json.loads(sent(api, webhook, event=event)["requestBody"])
    assert next(iter(body)) == "shop"
    assert (body["refId"], body["createdAt"]) == ("my-ref", 1)
    assert body["eventName"] == "transactionAdded"
    assert body["eventId"] != "mine"


def test_what_does_not_fit_the_schema_is_sent_with_a_warning(
    api: CredentialClient, webhook: Webhook, receiver: Receiver
) -> None:
    body = {"eventName": "transactionAdded", "data": {"transactionId": "seven"}, "x": 1}
    answer = api.post(path(webhook), body, format="json").json()
    assert answer["data"]["delivered"]
    codes = {warning["code"] for warning in answer["warnings"]}
    assert codes == {51095, 51096}
    assert any("data.transactionId: must be" in w["message"] for w in answer["warnings"])
    assert Event.objects.get().failures
    assert len(receiver.requests) == 1


def test_a_type_of_ones_own_without_a_sample_is_sent_bare(
    api: CredentialClient, webhook: Webhook
) -> None:
    EventType.objects.create(organization=api.organization, name="beansRoasted")
    event_types.remembered.clear()
    body = json.loads(sent(api, webhook, eventName="beansRoasted")["requestBody"])
    assert (body["eventName"], body["data"]) == ("beansRoasted", {})


def test_a_type_of_a_child_is_tested_at_a_parents_webhook(
    api: CredentialClient, webhook: Webhook
) -> None:
    child = OrganizationFactory(parent=api.organization)
    schema: Any = {
        "type": "object",
        "properties": {"data": {"type": "object"}},
        "required": ["data"],
    }
    sample: Any = {"eventName": "beansRoasted", "data": {"beans": 7}}
    EventType.objects.create(organization=child, name="beansRoasted", schema=schema, sample=sample)
    body = json.loads(sent(api, webhook, eventName="beansRoasted")["requestBody"])
    assert (body["data"], body["orgId"]) == ({"beans": 7}, api.organization.pk)


def test_a_queue_acknowledges_what_it_got(api: CredentialClient) -> None:
    server = os.environ["REDIS_URL"]
    place, password = urlsplit(server), urlsplit(server).password or ""
    url = f"redis://{place.hostname}:{place.port}{place.path}/tests-of-sends"
    webhook = WebhookFactory(
        organization=api.organization,
        webhook_type=WebhookType.QUEUE,
        url=url.replace("://", "://default@") if password else url,
        url_secret=f"default:{password}" if password else "",
    )
    data = sent(api, webhook)
    assert (data["delivered"], data["webhookHttpStatus"], data["error"]) == (True, None, None)
    assert data["acknowledgement"]
    client: Any = redis.Redis.from_url(server)
    ((_, entry),) = client.xrange("tests-of-sends")
    client.delete("tests-of-sends")
    assert entry[b"body"].decode() == data["requestBody"]
    assert json.loads(entry[b"headers"])["webhook-id"] == data["eventId"]
    assert password not in json.dumps(data)


def test_a_queue_that_refuses_is_told(api: CredentialClient) -> None:
    place = urlsplit(os.environ["REDIS_URL"])
    webhook = WebhookFactory(
        organization=api.organization,
        webhook_type=WebhookType.QUEUE,
        url=f"redis://nobody@{place.hostname}:{place.port}/x",
        url_secret="nobody:wrong",
    )
    data = sent(api, webhook)
    assert (data["delivered"], data["error"]) == (False, "auth_refused")
    assert data["errorDetail"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [(51072, "eventName")]),
        ([], [(51049, None)]),
        ({"eventName": None}, [(51072, "eventName")]),
        ({"eventName": 7}, [(51073, "eventName")]),
        ({"eventName": ["transactionAdded"]}, [(51073, "eventName")]),
        ({"eventName": "x" * 101}, [(51073, "eventName")]),
        ({"eventName": "nothingOfTheKind"}, [(51008, "eventName")]),
        ({"eventName": "TransactionAdded"}, [(51008, "eventName")]),
        ({"eventName": "transactionAdded", "data": []}, [(51083, "data")]),
        ({"eventName": "transactionAdded", "data": "x"}, [(51083, "data")]),
        ({"eventName": "transactionAdded", "event": []}, [(51071, "event")]),
        ({"eventName": "transactionAdded", "event": {}}, [(51083, "event.data")]),
        (
            {"eventName": "transactionAdded", "event": {"data": {}, "orgId": -1}},
            [(51085, "event.orgId")],
        ),
        (
            {"eventName": "transactionAdded", "event": {"data": {}, "eventName": "cardUpdated"}},
            [(51073, "event.eventName")],
        ),
        ({"eventName": "transactionAdded", "event": {}, "data": {}}, [(51063, "event")]),
        (
            {"eventName": "transactionAdded", "data": {"x": "y" * 2**20}},
            [(413, None)],
        ),
        (
            {"eventName": "transactionAdded", "data": {"x": "y" * 1_048_500}},
            [(413, None)],
        ),
    ],
)
def test_what_is_no_test_is_refused_and_nothing_is_kept(
    api: CredentialClient,
    webhook: Webhook,
    receiver: Receiver,
    body: Any,
    errors: list[tuple[int, str | None]],
) -> None:
    assert refusal(api, webhook, body) == errors
    assert receiver.requests == []


def test_too_deep_a_body_is_refused(api: CredentialClient, webhook: Webhook) -> None:
    body = '{"eventName":"transactionAdded","data":' + '{"a":' * 64 + "1" + "}" * 65
    answer = api.generic("POST", path(webhook), body, "application/json")
    assert answer.json()["errors"][0]["code"] == 51043


def test_without_write_nothing_is_sent(
    bob: CredentialClient, charlie: CredentialClient, webhook: Webhook, receiver: Receiver
) -> None:
    body = {"eventName": "transactionAdded"}
    assert bob.post(path(webhook), body, format="json").status_code == 403
    answer = charlie.post(path(webhook), body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 400)
    assert receiver.requests == []
    assert not Event.objects.exists()


def test_a_deleted_webhook_is_not_there(api: CredentialClient, webhook: Webhook) -> None:
    webhook.delete_softly()
    webhook.save()
    assert refusal(api, webhook, {"eventName": "transactionAdded"}) == [(400, "webHookId")]


def test_too_many_tests_are_told_when_to_come_back(
    api: CredentialClient, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "A_MINUTE", 1)
    sent(api, webhook)
    answer = api.post(path(webhook), {"eventName": "transactionAdded"}, format="json")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert Delivery.objects.count() == 1


def test_it_is_in_the_log_and_in_the_openapi_description(
    api: CredentialClient, webhook: Webhook
) -> None:
    event_id = sent(api, webhook)["eventId"]
    entry = api.get(f"/v3/webHooks/eventLog/{event_id}").json()["data"]
    assert (entry["status"], entry["attempts"]) == ("delivered", 1)
    answer = api.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    described = json.loads(answer.content)["paths"]
    (parameter,) = described["/v3/webHooks/{public_id}/test"]["post"]["parameters"]
    assert parameter["schema"]["pattern"] == "^[^/]+$"
    assert set(described["/v3/webHooks/{public_id}/test"]) == {"post"}
