"""Deliveries with attempts, and their pages."""

import datetime as dt
import json
from typing import Any

from django.urls import reverse
from django.utils import timezone

from delivery.models import Attempt, Delivery, State
from organizations.models import Organization
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, WebhookFactory
from tests.markup import words_of
from webhooks.models import Webhook


def crm_sync(organization: Organization) -> Webhook:
    long_ago = timezone.now() - dt.timedelta(days=2)
    return WebhookFactory(
        organization=organization,
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
    return words_of(html.partition('<main class="main"')[2] or html)
