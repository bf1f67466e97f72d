"""The page of a delivery: why it is where it is, and every attempt."""

import datetime as dt
import json
import re
from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from delivery import reasons
from delivery.models import Attempt, Delivery, Health, State
from delivery.pages.delivery_detail import INLINE_CHARS
from delivery.pages.timeline import PAGE_ATTEMPTS
from delivery.transport.result import ErrorClass
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, EventFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOSTILE = "</code><script>alert(1)</script>"


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    long_ago = timezone.now() - dt.timedelta(days=2)
    return WebhookFactory(
        organization=alice.organization,
        name="CRM sync",
        url="https://hooks.example.com/in?x=1",
        updated_at=long_ago,
    )


def attempted(delivery: Delivery, number: int, **facts: Any) -> Attempt:
    defaults: dict[str, Any] = {
        "started_at": timezone.now() - dt.timedelta(seconds=60 - min(number, 60)),
        "duration_ms": 88.0,
        "address": "203.0.113.40:443",
        "status": 503,
        "request_headers": json.dumps([["Authorization", "Bear••••"], ["webhook-id", "1"]]),
        "response_headers": "[]",
        "response_body": "",
    }
    return Attempt.objects.create(delivery=delivery, number=number, **defaults | facts)


def ended(webhook: Webhook, state: State, **facts: Any) -> Delivery:
    """After one attempt, unless the facts say otherwise."""
    defaults = {"attempts": 1, "finished_at": timezone.now()}
    return DeliveryFactory(webhook=webhook, state=state, **defaults | facts)


def address_of(delivery: Delivery) -> str:
    return reverse("delivery-detail", args=[delivery.pk])


def page_of(client: PageClient, delivery: Delivery, **query: Any) -> str:
    response = client.get(address_of(delivery), query)
    assert response.status_code == 200
    return response.content.decode()


def text_of(html: str) -> str:
    main = html.partition('<main class="main"')[2] or html
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def test_the_facts_of_a_delivery_are_told(alice: PageClient, webhook: Webhook) -> None:
    event = EventFactory(
        organization=alice.organization, name="tierUpgraded", customer_id="347266498"
    )
    delivery = DeliveryFactory(webhook=webhook, event=event, state=State.RETRYING, attempts=2)
    html = page_of(alice, delivery)
    for value in (event.event_id, event.request_id, "347266498"):
        assert f'data-copy="{value}"' in html
    assert reverse("event-detail", args=[event.pk]) in html
    assert reverse("webhook-detail", args=[webhook.public_id]) in html
    assert "Tried until Tomorrow" in text_of(html)
    assert "Attempts 2 so far" in text_of(html)


def test_another_organizations_delivery_is_not_found(
    charlie_page: PageClient, webhook: Webhook
) -> None:
    delivery = DeliveryFactory(webhook=webhook)
    assert charlie_page.get(address_of(delivery)).status_code == 404


def test_a_delivery_of_a_deleted_webhook_stays_readable(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.CANCELLED, attempts=0)
    webhook.delete_softly()
    webhook.save()
    text = text_of(page_of(alice, delivery))
    assert "CRM sync (deleted)" in text
    assert "Cancelled: the webhook was deleted." in text


@pytest.mark.parametrize(
    ("facts", "title", "advice"),
    [
        (
            {"state": State.FAILED, "last_status": 401},
            "The receiver refused it: 401 Unauthorized.",
            "check the headers of the webhook",
        ),
        (
            {"state": State.FAILED, "last_status": 404},
            "The receiver refused it: 404 Not Found.",
            "check the path in the Webhook URL",
        ),
        (
            {"state": State.FAILED, "last_status": 429},
            "The receiver refused it: 429 Too Many Requests.",
            "lower Maximum allowed connections",
        ),
        (
            {"state": State.FAILED, "last_status": 499},
            "The receiver refused it: 499.",
            "ask who runs the receiver",
        ),
        (
            {"state": State.BLOCKED, "last_error": "forbidden_address"},
            "Not sent: the address is not allowed.",
            "Use a Webhook URL whose host has a public address.",
        ),
        (
            {"state": State.EXPIRED, "attempts": 105, "last_status": 503},
            "Given up after 1 d: 503 Service Unavailable. It was tried 105 times",
            "Ask who runs the receiver what happened",
        ),
        (
            {"state": State.EXPIRED, "last_error": "timeout", "last_duration_ms": 30_000.4},
            "Given up after 1 d: no response within 30 s. It was tried once",
            "it should answer at once",
        ),
        (
            {"state": State.EXPIRED, "attempts": 0},
            "Never sent: its 1 d ran out.",
            "Look at the webhook",
        ),
        (
            {"state": State.QUARANTINED, "attempts": 3},
            "Set aside: three workers ended while they sent it.",
            "Tell whoever runs this service",
        ),
        ({"state": State.CANCELLED}, "Cancelled. Somebody ended it by hand", ""),
    ],
)
def test_what_was_not_delivered_says_why_and_what_to_do(
    alice: PageClient, webhook: Webhook, facts: dict[str, Any], title: str, advice: str
) -> None:
    text = text_of(page_of(alice, ended(webhook, **facts)))
    assert title in text
    assert advice in text


def test_every_class_of_error_has_words_and_advice() -> None:
    for error in ErrorClass:
        assert reasons.result(None, error, 30_000.0) not in ("", error, "no response")
        assert reasons.ADVICE_OF_ERROR[error]


@pytest.mark.parametrize("state", [State.PENDING, State.IN_FLIGHT, State.RETRYING, State.DELIVERED])
def test_what_arrived_or_is_still_tried_needs_no_reason(
    alice: PageClient, webhook: Webhook, state: State
) -> None:
    delivery = ended(webhook, state)
    attempted(delivery, 1)
    assert 'class="notice"' not in page_of(alice, delivery)


def test_attempts_stand_latest_first_and_only_the_newest_is_open(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, attempts=3, last_status=422)
    attempted(delivery, 1, status=None, error="timeout", duration_ms=30_000.0)
    attempted(delivery, 2, status=None, error="refused", duration_ms=4.0)
    attempted(delivery, 3, status=422)
    html = page_of(alice, delivery)
    summaries = re.findall(r"<summary><strong>(.*?)</strong>", html)
    assert summaries == [
        "Attempt 3: 422 Unprocessable Entity",
        "Attempt 2: connection refused",
        "Attempt 1: no response within 30 s",
    ]
    assert html.count("<details open>") == 1
    assert html.count("<h3>Response</h3>") == 1


def test_an_attempt_shows_what_was_sent_and_what_came_back(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, last_status=422)
    attempted(
        delivery, 1, status=422, response_headers=json.dumps([["Retry-After", "60"]]),
        response_body='{"error":"maintenance"}', body_truncated=True,
    )  # fmt: skip
    html = page_of(alice, delivery)
    text = text_of(html)
    assert "POST /in?x=1" in text
    assert "Authorization: Bear••••" in text
    assert "Retry-After: 60" in text
    assert "cut at 16 KiB" in text
    assert '<span class="key">&quot;error&quot;</span>: &quot;maintenance&quot;' in html
    assert delivery.event.event_id in text


def test_where_it_went_is_not_claimed_after_the_webhook_was_changed(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, last_status=422)
    attempted(delivery, 1)
    Webhook.objects.filter(pk=webhook.pk).update(updated_at=timezone.now())
    assert "POST /in" not in page_of(alice, delivery)


def test_another_attempt_opens_by_its_link_without_scripts(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, attempts=2, last_status=422)
    first = attempted(delivery, 1, response_body="the first body")
    attempted(delivery, 2, response_body="the second body")
    html = page_of(alice, delivery)
    assert "the first body" not in html
    link = f"{address_of(delivery)}?page=1&amp;attempt={first.pk}#attempt-{first.pk}"
    assert link in html
    opened = page_of(alice, delivery, attempt=first.pk)
    assert "the first body" in opened
    assert "the second body" not in opened


def test_another_attempt_opens_in_place_with_scripts(alice: PageClient, webhook: Webhook) -> None:
    delivery = ended(webhook, State.FAILED, attempts=2)
    first = attempted(delivery, 1, response_body="the first body")
    headers = {"HX-Request": "true", "HX-Target": f"exchange-{first.pk}"}
    query = {"attempt": str(first.pk)}
    response = alice.get(address_of(delivery), query, headers=headers)
    html = response.content.decode()
    assert f'id="exchange-{first.pk}"' in html
    assert "the first body" in html
    assert "<main" not in html
    assert "HX-Target" in response["Vary"]


def test_an_attempt_of_another_delivery_is_not_shown(alice: PageClient, webhook: Webhook) -> None:
    other = attempted(ended(webhook, State.FAILED), 1, response_body="of another")
    delivery = ended(webhook, State.FAILED)
    attempted(delivery, 1)
    assert "of another" not in page_of(alice, delivery, attempt=other.pk)
    headers = {"HX-Request": "true", "HX-Target": f"exchange-{other.pk}"}
    query = {"attempt": str(other.pk)}
    assert alice.get(address_of(delivery), query, headers=headers).status_code == 404


@pytest.mark.parametrize("attempt", ["x", "-1", "9" * 30, "\0", "\u0661"])
def test_an_attempt_that_does_not_exist_leaves_the_page_as_it_is(
    alice: PageClient, webhook: Webhook, attempt: str
) -> None:
    delivery = ended(webhook, State.FAILED)
    attempted(delivery, 1)
    assert "Attempt 1:" in page_of(alice, delivery, attempt=attempt)


def test_a_large_payload_is_shown_when_it_is_asked_for(alice: PageClient, webhook: Webhook) -> None:
    payload = json.dumps({"data": {"text": "long " * INLINE_CHARS}})
    event = EventFactory(organization=alice.organization, payload=payload)
    delivery = ended(webhook, State.FAILED, event=event)
    attempted(delivery, 1)
    html = page_of(alice, delivery)
    assert "long long" not in html
    assert "Show it" in html
    assert "long long" in page_of(alice, delivery, payload="")


def waiting(webhook: Webhook, due_in_s: float, **facts: Any) -> Delivery:
    due = timezone.now() + dt.timedelta(seconds=due_in_s)
    defaults = {"state": State.RETRYING, "attempts": 1, "next_attempt_at": due}
    return DeliveryFactory(webhook=webhook, **defaults | facts)


def test_a_receiver_that_asked_to_wait_is_quoted(alice: PageClient, webhook: Webhook) -> None:
    delivery = waiting(webhook, 3_600)
    attempted(delivery, 1, response_headers=json.dumps([["retry-after", "3600"]]))
    text = text_of(page_of(alice, delivery))
    assert "Next attempt in 1 h the receiver asked to wait: Retry-After 3600" in text


def test_the_next_attempt_of_the_schedule_is_told(alice: PageClient, webhook: Webhook) -> None:
    delivery = waiting(webhook, 600)
    attempted(delivery, 1)
    text = text_of(page_of(alice, delivery))
    assert "Next attempt in 10 min the waits grow with the attempts, up to 15 min" in text


def test_a_receiver_at_rest_is_told(alice: PageClient, webhook: Webhook) -> None:
    until = timezone.now() + dt.timedelta(minutes=5, milliseconds=400)
    Health.objects.create(webhook=webhook, failures=7, open_until=until)
    text = text_of(page_of(alice, waiting(webhook, -1)))
    assert "Next attempt in 5 min the receiver is given a rest after 7 failures in a row" in text


def test_a_wait_for_a_connection_is_told(alice: PageClient, webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(max_connections=1)
    delivery = waiting(webhook, -1, state=State.PENDING, attempts=0)
    assert "Next attempt now it is due" in text_of(page_of(alice, delivery))
    DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT, attempts=1)
    text = text_of(page_of(alice, delivery))
    assert "as soon as there is a free connection its one connection is in use" in text


def test_what_is_held_is_told(alice: PageClient, webhook: Webhook) -> None:
    webhook.deactivate()
    webhook.save()
    assert "Held the webhook is deactivated" in text_of(page_of(alice, waiting(webhook, 5)))


def test_what_is_being_sent_is_told(alice: PageClient, webhook: Webhook) -> None:
    delivery = DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT, attempts=2)
    attempted(delivery, 1)
    text = text_of(page_of(alice, delivery))
    assert "Attempt 2: being sent" in text
    assert "no record" not in text


def test_attempts_without_a_record_are_told(alice: PageClient, webhook: Webhook) -> None:
    delivery = ended(webhook, State.QUARANTINED, attempts=6)
    attempted(delivery, 2)
    attempted(delivery, 4)
    text = text_of(page_of(alice, delivery))
    for gap in ("Attempts 5 to 6: no record", "Attempt 3: no record", "Attempt 1: no record"):
        assert gap in text


def test_it_began_with_the_event_and_what_differs_from_its_schema(
    alice: PageClient, webhook: Webhook
) -> None:
    failures = [{"path": "data.a", "message": "x"}, {"path": "data.a", "message": "y"}]
    event = EventFactory(
        organization=alice.organization, failures=failures, received_from="pos-sg-04"
    )
    delivery = DeliveryFactory(webhook=webhook, event=event, is_replay=True)
    text = text_of(page_of(alice, delivery))
    assert "Event accepted from pos-sg-04 · warned: 1 path differs from the schema" in text
    assert "Replayed by hand" in text


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"sla_due_at": 30, "sla_breached_at": 30, "state": State.FAILED}, "Breached after 30 s"),
        ({"sla_due_at": 30, "state": State.DELIVERED}, "Kept: 30 s"),
        ({"sla_due_at": 30, "state": State.PENDING}, "To be kept: 30 s"),
        ({"state": State.PENDING}, "Delivery SLA —"),
    ],
)
def test_the_sla_is_told(
    alice: PageClient, webhook: Webhook, facts: dict[str, Any], words: str
) -> None:
    created_at = timezone.now()
    moments = {
        name: created_at + dt.timedelta(seconds=value)
        for name, value in facts.items()
        if name.startswith("sla")
    }
    delivery = ended(webhook, facts["state"], created_at=created_at, **moments)
    assert words in text_of(page_of(alice, delivery))


def test_hostile_texts_are_shown_not_run(alice: PageClient, webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(name=HOSTILE, url=f"https://x.example/{HOSTILE}")
    event = EventFactory(
        organization=alice.organization, name=HOSTILE, data={HOSTILE: HOSTILE},
        customer_id=HOSTILE, received_from=HOSTILE,
    )  # fmt: skip
    delivery = ended(webhook, State.FAILED, event=event)
    attempted(
        delivery, 1, response_body=HOSTILE, detail=HOSTILE, address=HOSTILE,
        response_headers=json.dumps([[HOSTILE, HOSTILE]]),
        request_headers=json.dumps([[HOSTILE, HOSTILE]]),
    )  # fmt: skip
    html = page_of(alice, delivery)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_many_attempts_are_paged_at_the_same_number_of_queries(
    alice: PageClient, webhook: Webhook, django_assert_max_num_queries: Any
) -> None:
    delivery = ended(webhook, State.EXPIRED, attempts=1)
    attempted(delivery, 1)
    page_of(alice, delivery)
    with django_assert_max_num_queries(15) as one:
        page_of(alice, delivery)
    count = 2 * PAGE_ATTEMPTS + 5
    for number in range(2, count + 1):
        attempted(delivery, number)
    Delivery.objects.filter(pk=delivery.pk).update(attempts=count)
    with django_assert_max_num_queries(len(one)):
        first = page_of(alice, delivery)
    assert f"Attempt {count}:" in first
    assert "Earlier attempts" in first
    assert "Event accepted" not in first
    last = text_of(page_of(alice, delivery, page=3))
    assert "Attempt 5:" in last
    assert "Attempt 1:" in last
    assert "Event accepted" in last
    assert "no record" not in last + text_of(first)
    assert alice.get(address_of(delivery), {"page": 4}).status_code == 404
    assert alice.get(address_of(delivery), {"page": "x"}).status_code == 404
