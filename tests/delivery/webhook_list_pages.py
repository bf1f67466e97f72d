"""The list of webhooks, and webhooks in it."""

import datetime as dt
import re
from typing import Any

from django.urls import reverse
from django.utils import timezone

from delivery.models import Delivery, Health, State
from delivery.tally import recount
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Webhook

HOSTILE = '<script>alert("x")</script>'
ROW = re.compile(r'<a class="row" href="[^"]*">(.*?)</a>')


def page(client: PageClient, **query: Any) -> str:
    answer = client.get(reverse("webhook-list"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def names(client: PageClient, **query: Any) -> list[str]:
    return ROW.findall(page(client, **query))


def row(client: PageClient, webhook: Webhook) -> str:
    """What the webhook's row shows, without its marks."""
    found = re.findall(r"<tr>\s*<td data-head>.*?</tr>", page(client), re.DOTALL)
    (html,) = [html for html in found if webhook.public_id in html]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def a_webhook(client: PageClient, **values: Any) -> Webhook:
    webhook: Webhook = WebhookFactory(organization=client.organization, **values)
    return webhook


def ended(webhook: Webhook, state: State = State.DELIVERED, **values: Any) -> Delivery:
    """A delivery of an hour ago that took 80 ms."""
    at = timezone.now() - dt.timedelta(hours=1)
    delivery: Delivery = DeliveryFactory(
        webhook=webhook,
        state=state,
        attempts=1,
        **{
            "ingested_at": at,
            "created_at": at,
            "finished_at": at + dt.timedelta(milliseconds=80),
            **values,
        },
    )
    recount([webhook.pk])
    return delivery


def refusing(webhook: Webhook) -> None:
    for _ in range(5):
        ended(webhook, State.FAILED)
    Health.objects.create(webhook=webhook, failing_since=timezone.now() - dt.timedelta(hours=1))
