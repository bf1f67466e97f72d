"""The page of a webhook: what it is, its figures, its log."""

import datetime as dt
import re
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from delivery import tally
from delivery.models import Health, State
from tests.conftest import PageClient
from tests.delivery.webhook_pages import (
    address_of,
    asked,
    delivered,
    fragment_of,
    hours,
    ids_of,
    page_of,
    rows_of,
)
from tests.factories import WebhookFactory
from webhooks.models import Header, SigningSecret, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return WebhookFactory(organization=alice.organization, name="CRM sync")


def test_the_page_tells_what_the_webhook_is(alice: PageClient) -> None:
    webhook = WebhookFactory(
        organization=alice.organization,
        name="CRM sync",
        url="https://hooks.example.com/in",
        events=["pointsIssued", "pointsRedeemed", "tierUpgraded", "customerAdded", "CouponIssue"],
        created_by={"name": "Mira Anand"},
        updated_by={"name": "Tomás Rivera"},
    )
    Header.objects.create(webhook=webhook, position=0, name="X-Brand", value="aurora")
    SigningSecret.objects.create(webhook=webhook, secret="whsec_x")
    html = page_of(alice, webhook)
    for text in ("<h1>CRM sync</h1>", "https://hooks.example.com/in", "1 and a signature"):
        assert text in html
    for text in ("and 2 more", "by Mira Anand", "by Tomás Rivera", "20 connections, SLA 30"):
        assert text in html
    assert str(webhook.consumer_group_id) in html
    assert "<dt>Payload enrichment</dt><dd>None</dd>" in html


def test_neither_header_values_nor_secrets_reach_the_page(
    alice: PageClient, webhook: Webhook
) -> None:
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value="s3cret-value")
    SigningSecret.objects.create(webhook=webhook, secret="whsec_s3cret")
    assert "s3cret" not in page_of(alice, webhook)


def test_an_enrichment_that_is_set_is_named(alice: PageClient) -> None:
    webhook = WebhookFactory(
        organization=alice.organization,
        enrich_till=True,
        enrich_customer_sources=["Instore"],
        enrich_card_number=True,
    )
    assert "Till, InStore, Card Number" in page_of(alice, webhook)


def test_a_queue_and_a_filter_are_shown_without_the_password(alice: PageClient) -> None:
    webhook = WebhookFactory(
        organization=alice.organization,
        webhook_type="queue",
        method="PUT",
        url="amqps://bakery@queues.example.com/orders",
        url_secret="bakery:hunter2",
        filter={"data.amount": {"$gte": 1000}},
    )
    html = page_of(alice, webhook)
    assert "<dd>Queue</dd>" in html
    assert "amqps://bakery:••••@queues.example.com/orders" in html
    assert "hunter2" not in html
    assert "&quot;data.amount&quot;</span>: {" in html
    assert "PUT" not in html


def test_who_may_only_read_sees_no_control_that_writes(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    assert reverse("webhook-edit", args=[webhook.public_id]) in page_of(alice, webhook)
    html = page_of(bob_page, webhook)
    assert reverse("webhook-edit", args=[webhook.public_id]) not in html
    assert 'method="post"' not in html.partition('id="main"')[2]


def test_another_organizations_webhook_is_not_found(
    charlie_page: PageClient, webhook: Webhook
) -> None:
    assert asked(charlie_page, webhook).status_code == 404


def test_a_webhook_that_is_not_active_says_why_and_what_is_held(
    alice: PageClient, webhook: Webhook
) -> None:
    delivered(webhook, state=State.PENDING, attempts=0, last_status=None, finished_at=None)
    webhook.deactivate("The receiver answered 410 Gone.")
    webhook.save()
    html = page_of(alice, webhook)
    assert "The receiver answered 410 Gone." in html
    assert "1 delivery is held" in html
    assert f"/alerts?webhook={webhook.public_id}" in html


def test_a_receiver_that_fails_is_told_on_top(alice: PageClient, webhook: Webhook) -> None:
    rests_until = timezone.now() + dt.timedelta(minutes=4)
    Health.objects.create(webhook=webhook, failures=52, open_until=rests_until)
    html = page_of(alice, webhook)
    assert "52 failures in a row." in html
    assert "The receiver is given a rest" in html
    assert f"/alerts?webhook={webhook.public_id}" in html


def test_a_deleted_webhook_keeps_its_log_and_loses_its_controls(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = delivered(webhook)
    webhook.delete_softly()
    webhook.save()
    html = page_of(alice, webhook)
    assert "Nothing is sent any more." in html
    assert rows_of(html) == ids_of(delivery)
    assert reverse("webhook-edit", args=[webhook.public_id]) not in html


def test_a_webhook_without_events_has_designed_emptiness(
    alice: PageClient, webhook: Webhook
) -> None:
    html = page_of(alice, webhook)
    for text in ("Nothing to deliver over 7 days.", "Nothing was delivered", "No attempt over 7"):
        assert text in html
    assert "No event has come in for this webhook" in html


def test_the_metrics_are_of_the_period_that_is_asked_for(
    alice: PageClient, webhook: Webhook
) -> None:
    delivered(webhook, hours(30))
    delivered(webhook, hours(1), state=State.FAILED, last_status=422)
    tally.recount()
    assert "1 failed over 24 hours" in page_of(alice, webhook, days=1)
    assert "1 delivered, 1 failed over 7 days" in page_of(alice, webhook)
    assert 'aria-current="true" hx-get' in page_of(alice, webhook, days=30)


@pytest.mark.parametrize("days", ["2", "-1", "x", "07", "9" * 40, "\u0661"])
def test_another_period_is_refused_in_words_on_a_page_that_works(
    alice: PageClient, webhook: Webhook, days: str
) -> None:
    html = page_of(alice, webhook, days=days)
    assert "There is no period of" in html
    assert "Delivery metrics" in html


def test_the_failed_number_leads_to_the_failed_deliveries(
    alice: PageClient, webhook: Webhook
) -> None:
    failed = delivered(webhook, hours(30), state=State.EXPIRED, last_status=503)
    delivered(webhook, hours(2))
    tally.recount()
    html = page_of(alice, webhook, days=3)
    found = re.search(r'<a href="\?([^"]*)#details">1<span', html)
    assert found
    query = found[1].replace("&amp;", "&")
    listed = alice.get(f"{address_of(webhook)}?{query}").content.decode()
    assert rows_of(listed) == ids_of(failed)


def test_htmx_gets_the_part_that_it_swaps(alice: PageClient, webhook: Webhook) -> None:
    delivered(webhook)
    log = fragment_of(alice, webhook, "log", status="delivered")
    assert log.strip().startswith('<div id="log"')
    assert len(rows_of(log)) == 1
    metrics = fragment_of(alice, webhook, "metrics", days=1)
    assert metrics.strip().startswith('<section class="section" id="metrics"')
    assert "HX-Target" in asked(alice, webhook)["Vary"]


def test_hostile_texts_are_shown_not_run(alice: PageClient) -> None:
    webhook = WebhookFactory(
        organization=alice.organization,
        name=HOSTILE,
        url=f"https://x.example/{HOSTILE}",
        updated_by={"name": HOSTILE},
        deactivated_at=timezone.now(),
        deactivation_reason=HOSTILE,
        events=[HOSTILE],
    )
    delivered(webhook, name=HOSTILE)
    for query in ({}, {"customer": HOSTILE}, {"event_type": HOSTILE}, {"days": HOSTILE}):
        html = page_of(alice, webhook, **query)
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html


def test_many_rows_take_no_more_queries_than_one(
    alice: PageClient, webhook: Webhook, django_assert_max_num_queries: Any
) -> None:
    delivered(webhook)
    asked(alice, webhook)
    with django_assert_max_num_queries(30) as one:
        page_of(alice, webhook)
    for count in range(60):
        delivered(webhook, hours(count), state=[State.DELIVERED, State.FAILED][count % 2])
    with django_assert_max_num_queries(len(one)):
        page_of(alice, webhook)
