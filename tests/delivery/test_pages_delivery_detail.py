"""The page of a delivery: why it is where it is, and every attempt."""

import datetime as dt
import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from delivery import reasons
from delivery.models import State
from delivery.pages.delivery_detail import INLINE_CHARS
from delivery.transport.result import ErrorClass
from tests.conftest import PageClient
from tests.delivery.delivery_pages import address_of, attempted, crm_sync, ended, page_of, text_of
from tests.factories import DeliveryFactory, EventFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOSTILE = "</code><script>alert(1)</script>"


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return crm_sync(alice.organization)


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


def test_a_large_payload_is_shown_when_it_is_asked_for(alice: PageClient, webhook: Webhook) -> None:
    payload = json.dumps({"data": {"text": "long " * INLINE_CHARS}})
    event = EventFactory(organization=alice.organization, payload=payload)
    delivery = ended(webhook, State.FAILED, event=event)
    attempted(delivery, 1)
    html = page_of(alice, delivery)
    assert "long long" not in html
    assert "Show it" in html
    assert "long long" in page_of(alice, delivery, payload="")


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
