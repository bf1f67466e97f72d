"""The page Send test event."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from delivery.models import Delivery
from delivery.testing import send
from events import event_types
from events.models import Event, EventType
from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.factories import WebhookFactory
from tests.receiver import Receiver
from webhooks.models import Header, Webhook

pytestmark = pytest.mark.django_db

BODY = '{"eventName": "customerAdded", "data": {"note": "<b>mine</b>"}}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(alice: PageClient, receiver: Receiver) -> Webhook:
    webhook = WebhookFactory(
        organization=alice.organization,
        name="CRM",
        url=receiver.url(),
        events=["pointsIssued", "customerAdded"],
    )
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value="Bearer hunter2")
    return webhook


def path(webhook: Webhook) -> str:
    return f"/notifications/{webhook.public_id}/test"


def page(client: PageClient, webhook: Webhook, **query: str) -> str:
    answer = client.get(path(webhook), query)
    assert answer.status_code == 200
    return answer.content.decode()


def typed(shown: str) -> Any:
    """What stands in the editor."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", shown, re.DOTALL)
    assert found
    return json.loads(html.unescape(found[1]))


def sent(client: PageClient, webhook: Webhook, target: str = "", **fields: str) -> str:
    """The page, or with a `target` the part of it that htmx puts there, after a send."""
    given = {"event_name": "customerAdded", "body": BODY, **fields}
    headers = {"HX-Request": "true", "HX-Target": target} if target else {}
    answer = client.post(path(webhook), given, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_subscribed_types_come_first_with_the_sample_of_the_first(
    alice: PageClient, webhook: Webhook
) -> None:
    shown = page(alice, webhook)
    options = re.findall(r"<option( selected)?>(\w+)</option>", shown)
    assert [name for _, name in options[:2]] == ["pointsIssued", "customerAdded"]
    assert len(options) == len(event_types.known_event_types(alice.organization))
    assert [name for chosen, name in options if chosen] == ["pointsIssued"]
    sample = event_types.sample_of(alice.organization, "pointsIssued")
    body = typed(shown)
    assert (body["eventName"], body["data"]) == ("pointsIssued", sample["data"])
    assert not body.keys() & {"eventId", "orgId", "refId", "apiRequestId", "createdAt"}


def test_another_type_brings_its_sample_with_and_without_scripts(
    alice: PageClient, webhook: Webhook
) -> None:
    asked = alice.get(
        path(webhook),
        {"event_name": "cardUpdated"},
        headers={"HX-Request": "true", "HX-Target": "body"},
    ).content.decode()
    assert "<html" not in asked
    assert typed(asked)["eventName"] == "cardUpdated"
    given = {"event_name": "cardUpdated", "body": BODY, "sample": "1"}
    whole = alice.post(path(webhook), given).content.decode()
    assert typed(whole)["eventName"] == "cardUpdated"
    assert "<option selected>cardUpdated</option>" in whole
    assert not Event.objects.exists()


def test_request_and_answer_stand_side_by_side(
    alice: PageClient, webhook: Webhook, receiver: Receiver
) -> None:
    Webhook.objects.update(url=receiver.url("/status/200?body=thanks"))
    shown = sent(alice, webhook)
    (request,) = receiver.requests
    assert json.loads(request.body)["data"] == {"note": "<b>mine</b>"}
    delivery = Delivery.objects.get()
    assert "The receiver took it." in shown
    assert f'href="/deliveries/{delivery.pk}"' in shown
    assert "thanks" in shown
    assert "Bear••••" in shown
    assert "hunter2" not in shown
    assert "<b>mine" not in shown
    assert typed(shown)["data"] == {"note": "<b>mine</b>"}
    assert delivery.event.event_id in shown


def test_with_scripts_only_the_answer_is_new(alice: PageClient, webhook: Webhook) -> None:
    shown = sent(alice, webhook, target="result")
    assert "<html" not in shown
    assert "<textarea" not in shown
    assert "The receiver took it." in shown


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/status/404", "The receiver refused it: 404 Not Found."),
        ("/status/410", "an event would deactivate the webhook"),
        ("/status/503", "Not delivered: 503 Service Unavailable."),
        ("/status/302", "Not delivered: 302 Found."),
        ("/hang", "Not delivered: no response within 1 s."),
        ("/garbage", "Not delivered: no valid response."),
        ("/reset", "Not delivered: connection closed without a response."),
    ],
)
def test_what_the_receiver_said_is_told_in_words(
    alice: PageClient, webhook: Webhook, receiver: Receiver, target: str, words: str
) -> None:
    Webhook.objects.update(url=receiver.url(target), timeout_s=1)
    assert words in sent(alice, webhook)
    delivery = Delivery.objects.get()
    own = alice.get(f"/deliveries/{delivery.pk}").content.decode()
    assert words in own
    assert "Test made by hand" in own


def test_a_refused_address_is_told(alice: PageClient, webhook: Webhook) -> None:
    Webhook.objects.update(url="http://192.168.0.7/")
    shown = sent(alice, webhook)
    assert "Not sent: the address is not allowed." in shown
    assert "192.168.0.7 is not a public address (private)" in shown


def test_what_does_not_fit_the_schema_is_told_and_sent(
    alice: PageClient, webhook: Webhook, receiver: Receiver
) -> None:
    shown = sent(alice, webhook)
    assert "It does not fit the schema of its type." in shown
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body": ""}, "The body is not JSON"),
        ({"body": "{"}, "The body is not JSON"),
        ({"body": "[" * 100}, "more than 64 levels deep"),
        ({"body": '{"a": 1, "a": 2}'}, "a: The key is repeated."),
        ({"body": '{"data": 1e999}'}, "data: Not a number"),
        ({"body": "[]"}, "An event is a JSON object."),
        ({"body": '{"data": []}'}, "data must be a JSON object."),
        ({"body": '{"data": {}, "orgId": -1}'}, "orgId is not the organization"),
        ({"body": BODY, "event_name": "cardUpdated"}, "This is a test of cardUpdated."),
        ({"event_name": "nothing"}, "Choose an event type."),
        ({"event_name": ""}, "Choose an event type."),
        ({"body": '{"data": {"x": "' + "y" * 1_048_576 + '"}}'}, "An event is at most"),
        ({"body": " " * 2_100_000}, "It is too large for an event."),
    ],
)
@pytest.mark.parametrize("target", ["", "result"])
def test_what_is_no_event_is_told_and_nothing_is_sent(
    alice: PageClient,
    webhook: Webhook,
    receiver: Receiver,
    fields: dict[str, str],
    words: str,
    target: str,
) -> None:
    shown = sent(alice, webhook, target, **fields)
    assert words in html.unescape(shown)
    assert "Not sent." in shown
    if not target and "event_name" not in fields and fields["body"].strip():
        assert html.escape(fields["body"][:50]) in shown
    assert receiver.requests == []
    assert not Event.objects.exists()
    assert not AuditEntry.objects.exists()


def test_too_many_tests_are_told(
    alice: PageClient, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "A_MINUTE", 1)
    sent(alice, webhook)
    answer = alice.post(path(webhook), {"event_name": "customerAdded", "body": BODY})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "At most 1 tests a minute." in answer.content.decode()
    assert "At most 1 tests a minute." in sent(alice, webhook, "result")


def test_inactive_webhooks_are_tested_too(alice: PageClient, webhook: Webhook) -> None:
    webhook.deactivate()
    webhook.save()
    assert "The receiver took it." in sent(alice, webhook)


def test_a_webhook_that_was_deleted_meanwhile_leads_to_the_list(
    alice: PageClient, webhook: Webhook, receiver: Receiver
) -> None:
    webhook.delete_softly()
    webhook.save()
    assert alice.get(path(webhook)).headers["Location"] == "/notifications"
    answer = alice.post(path(webhook), {"body": BODY}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/notifications"
    assert receiver.requests == []


def test_own_types_without_a_sample_start_bare(alice: PageClient, webhook: Webhook) -> None:
    EventType.objects.create(organization=alice.organization, name="beansRoasted")
    event_types.remembered.clear()
    assert typed(page(alice, webhook, event_name="beansRoasted")) == {
        "eventName": "beansRoasted",
        "data": {},
    }


def test_only_writers_find_the_way_and_may_go_it(
    alice: PageClient, bob_page: PageClient, charlie_page: PageClient, webhook: Webhook
) -> None:
    own = f"/notifications/{webhook.public_id}"
    for place in ("/notifications", own):
        assert f'href="{path(webhook)}"' in alice.get(place).content.decode()
        assert f'href="{path(webhook)}"' not in bob_page.get(place).content.decode()
    assert bob_page.get(path(webhook)).status_code == 403
    assert bob_page.post(path(webhook), {"body": BODY}).status_code == 403
    assert charlie_page.get(path(webhook)).status_code == 404
    assert charlie_page.post(path(webhook), {"body": BODY}).status_code == 404
    assert not Event.objects.exists()


def test_the_log_and_the_feed_say_that_it_was_a_test(alice: PageClient, webhook: Webhook) -> None:
    sent(alice, webhook)
    for place in (f"/notifications/{webhook.public_id}", "/feed"):
        shown = alice.get(place).content.decode()
        assert re.search(r"customerAdded.{0,400}Test</span>", shown, re.DOTALL), place
