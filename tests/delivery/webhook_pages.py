"""The page of a webhook, and what it delivered."""

import datetime as dt
import re
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from delivery.models import Delivery, State
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, EventFactory
from webhooks.models import Webhook


def page_of(client: PageClient, webhook: Webhook, **query: Any) -> str:
    response = asked(client, webhook, **query)
    assert response.status_code == 200
    return response.content.decode()


def asked(client: PageClient, webhook: Webhook, **query: Any) -> HttpResponse:
    response: HttpResponse = client.get(address_of(webhook), query)  # type: ignore[assignment]
    return response


def fragment_of(client: PageClient, webhook: Webhook, target: str, **query: Any) -> str:
    headers = {"HX-Request": "true", "HX-Target": target}
    return client.get(address_of(webhook), query, headers=headers).content.decode()


def address_of(webhook: Webhook) -> str:
    return reverse("webhook-detail", args=[webhook.public_id])


def delivered(webhook: Webhook, ago: dt.timedelta = dt.timedelta(), **facts: Any) -> Delivery:
    """Of an event that came in so long ago."""
    at = timezone.now() - ago
    of_event = {name: facts.pop(name) for name in ("name", "customer_id") if name in facts}
    event = EventFactory(
        organization=webhook.organization, occurred_at=at, ingested_at=at, **of_event
    )
    defaults = {"state": State.DELIVERED, "attempts": 1, "last_status": 200, "finished_at": at}
    return DeliveryFactory(
        webhook=webhook, event=event, created_at=at, ingested_at=at, **defaults | facts
    )


def hours(count: float) -> dt.timedelta:
    return dt.timedelta(hours=count)


def rows_of(html: str) -> list[str]:
    """The ids of the deliveries that are listed."""
    return re.findall(r'class="row" href="/deliveries/([0-9a-f-]+)"', html)


def ids_of(*deliveries: Delivery) -> list[str]:
    return [str(delivery.pk) for delivery in deliveries]
