"""The pages, one after the other, in this process: their time is the server's alone."""

import time
from argparse import Namespace
from statistics import median

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks import rows
from benchmarks.report import Report
from delivery.models import Delivery, State
from events.models import Event, EventType
from organizations.models import Access, Membership, Organization
from webhooks.models import Webhook

REPEATS = 7
BASELINE = "credentials"


def measure(report: Report, options: Namespace) -> None:
    rows.clear()
    client = _reader(_volume(options))
    report.note("deliveries behind the pages", options.volume)
    pages = _pages()
    times_ms = {name: _times_ms(client, url) for name, url in pages.items()}
    baseline = median(times_ms[BASELINE])
    for name, values in times_ms.items():
        with CaptureQueriesContext(connection) as queries:
            size = len(client.get(pages[name]).content)
        middle = median(values)
        report.figure(
            f"page {name}: {len(queries)} queries, {size / 1000:.0f} KB,"
            f" {middle / baseline:.1f} x the smallest page",
            middle,
            "{:.1f} ms",
            values,
        )
    slowest = max(times_ms, key=lambda name: median(times_ms[name]))
    report.say(f"slowest: {slowest}")
    report.target("pages", median(times_ms[slowest]), times_ms[slowest])


def _volume(options: Namespace) -> Organization:
    organization = Organization.objects.create(name="Volume", time_zone="Asia/Kolkata")
    call_command(
        "seed_volume",
        organization=organization.pk,
        webhooks=500,
        event_types=500,
        deliveries=options.volume,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return organization


def reader_with_event_types(count: int) -> Membership:
    """Of a new organisation with so many types of its own."""
    organization = Organization.objects.create(name="Types")
    EventType.objects.bulk_create(
        EventType(
            organization=organization, name=f"customType{n}", group=f"Ours {n % 20}", schema={}
        )
        for n in range(count)
    )
    return _member(organization)


def _member(organization: Organization) -> Membership:
    user = get_user_model().objects.create_user(f"reader{organization.pk}", password=None)
    return Membership.objects.create(
        organization=organization, user=user, webhooks_access=Access.WRITE
    )


def _reader(organization: Organization) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(_member(organization).user)
    return client


def _pages() -> dict[str, str]:
    """By what is shown; the busiest webhook, and what is rare as well as what is frequent."""
    webhook = Webhook.objects.get(
        pk=Delivery.objects.values_list("webhook", flat=True).order_by("-ingested_at")[0]
    )
    failed = Delivery.objects.filter(state=State.FAILED).order_by("-ingested_at")[0]
    detail = reverse("webhook-detail", args=[webhook.public_id])
    feed = reverse("event-list")
    event = Event.objects.order_by("-ingested_at")[0]
    return {
        "webhooks": reverse("webhook-list"),
        "webhooks by failures": reverse("webhook-list") + "?sort=failures",
        "webhooks found": reverse("webhook-list") + "?q=points",
        "webhook, 1 day": f"{detail}?days=1",
        "webhook, 30 days": f"{detail}?days=30",
        "webhook, failed ones": f"{detail}?status=failed",
        "new notification": reverse("webhook-add"),
        "edit": reverse("webhook-edit", args=[webhook.public_id]),
        "feed": feed,
        "feed, one customer": f"{feed}?q={event.customer_id}",
        "feed, failed": f"{feed}?state=failed",
        "feed, delivered": f"{feed}?state=delivered",
        "feed, mismatch": f"{feed}?mismatch=on",
        "event": reverse("event-detail", args=[failed.event_id]),
        "delivery": reverse("delivery-detail", args=[failed.pk]),
        "catalogue": reverse("event-type-list"),
        "event type": reverse("event-type-detail", args=["pointsIssued"]),
        BASELINE: reverse("credential-list"),
        "preferences": reverse("preferences"),
        "members": reverse("membership-list"),
        "audit log": reverse("audit-list"),
        "reference data": reverse("reference-data"),
    }


def _times_ms(client: Client, url: str) -> list[float]:
    client.get(url)  # templates are compiled, plans are made
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        answer = client.get(url)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, (url, answer.status_code)
    return times
