"""The page of a webhook: what it is, its figures, its log."""

import datetime as dt
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from delivery import tally
from delivery.models import Delivery, Health, State
from delivery.pages import log_search
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, EventFactory, OrganizationFactory, WebhookFactory
from webhooks.models import Header, SigningSecret, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return WebhookFactory(organization=alice.organization, name="CRM sync")


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
    assert "Payload enrichment" not in html


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
    assert "Till, Instore, Card Number" in page_of(alice, webhook)


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


def test_a_receiver_that_fails_is_told_on_top(alice: PageClient, webhook: Webhook) -> None:
    rests_until = timezone.now() + dt.timedelta(minutes=4)
    Health.objects.create(webhook=webhook, failures=52, open_until=rests_until)
    html = page_of(alice, webhook)
    assert "52 failures in a row." in html
    assert "The receiver is given a rest" in html


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


def test_a_row_tells_what_became_of_an_event(alice: PageClient, webhook: Webhook) -> None:
    delivery = delivered(
        webhook, name="tierUpgraded", state=State.RETRYING, last_status=None, attempts=3,
        last_error="timeout", last_duration_ms=30_000.0, finished_at=None,
    )  # fmt: skip
    html = page_of(alice, webhook)
    row = html[html.index('<a class="row"') : html.index("</tbody>", html.index('class="row"'))]
    for text in ("Today, ", "tierUpgraded", "Retrying", ">3<", "no response", "30.0 s"):
        assert text in row
    assert delivery.event.request_id in row


def test_the_log_is_narrowed_by_type_status_and_customer(
    alice: PageClient, webhook: Webhook
) -> None:
    webhook.subscriptions.create(position=1, event_name="tierUpgraded")
    first = delivered(webhook, hours(3), name="tierUpgraded")
    second = delivered(webhook, hours(2), state=State.FAILED, customer_id="347266498")
    third = delivered(webhook, hours(1), state=State.BLOCKED)
    assert rows_of(page_of(alice, webhook)) == ids_of(third, second, first)
    assert rows_of(page_of(alice, webhook, event_type="tierUpgraded")) == ids_of(first)
    assert rows_of(page_of(alice, webhook, status="failed")) == ids_of(second)
    assert rows_of(page_of(alice, webhook, status="failed,blocked")) == ids_of(third, second)
    assert rows_of(page_of(alice, webhook, customer=" 347266498 ")) == ids_of(second)


def test_yesterday_is_the_readers_yesterday(alice: PageClient) -> None:
    organization = OrganizationFactory(time_zone="Asia/Singapore")
    alice.membership.organization = organization
    alice.membership.save()
    webhook = WebhookFactory(organization=organization)
    midnight = timezone.now().astimezone(organization.zone).replace(hour=0, minute=0, second=0)
    since = timezone.now() - midnight
    delivered(webhook, since - dt.timedelta(seconds=2))
    late = delivered(webhook, since + dt.timedelta(seconds=2))
    early = delivered(webhook, since + hours(24) - dt.timedelta(seconds=2))
    delivered(webhook, since + hours(24) + dt.timedelta(seconds=2))
    assert rows_of(page_of(alice, webhook, period="yesterday")) == ids_of(late, early)
    day = (midnight - hours(1)).date().isoformat()
    chosen = page_of(alice, webhook, period="choose", first=day, last=day)
    assert rows_of(chosen) == ids_of(late, early)


def test_customer_and_event_type_exclude_each_other(alice: PageClient, webhook: Webhook) -> None:
    by_type = page_of(alice, webhook, event_type="transactionAdded")
    assert re.search(r'<input[^>]*name="customer"[^>]* disabled', by_type)
    assert "Clear the event type to search a customer." in by_type
    by_customer = page_of(alice, webhook, customer="1")
    assert re.search(r'<select[^>]*name="event_type"[^>]* disabled', by_customer)
    both = page_of(alice, webhook, customer="1", event_type="transactionAdded")
    assert "Customer and event type exclude each other; clear one of them." in both
    assert "disabled" not in both[both.index("log-filters") : both.index('id="log"')]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"event_type": "nonsense"}, "Event type: There is no such event type."),
        ({"status": "lost"}, "Delivery status: Use one or several of pending,"),
        ({"sort": "price:asc"}, "Order: Use one of"),
        ({"customer": "a\0b"}, "Null characters are not allowed."),
        ({"period": "century"}, "Date range: Select a valid choice."),
        ({"period": "choose", "first": "2026-02-31"}, "From: Use a date, such as 2026-03-31."),
        ({"period": "choose", "last": "9999-12-31"}, "To: Use a year from 2000 to 2999."),
        (
            {"period": "choose", "first": "2026-11-20", "last": "2026-11-10"},
            "The range ends before it begins.",
        ),
        ({"older": "nonsense"}, "This page of the log does not exist."),
        ({"older": "9" * 18 + "-" + "f" * 32}, "This page of the log does not exist."),
        ({"sort": "eventType:asc", "page": "0"}, "This page of the log does not exist."),
    ],
)
def test_what_is_not_understood_is_told_and_the_page_still_shown(
    alice: PageClient, webhook: Webhook, query: dict[str, str], problem: str
) -> None:
    delivered(webhook)
    html = page_of(alice, webhook, **query)
    assert problem in html
    assert "Delivery metrics" in html
    assert "Clear search and filters" in html
    assert rows_of(html) == []


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "PAGE_SIZE", 2)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("sort", [log_search.LATEST_FIRST, log_search.OLDEST_FIRST])
def test_every_delivery_is_on_one_page_in_both_directions(
    alice: PageClient, webhook: Webhook, sort: str
) -> None:
    made = ids_of(*(delivered(webhook, hours(count)) for count in range(5)))
    if sort == log_search.OLDEST_FIRST:
        made.reverse()
    pages = [page_of(alice, webhook, sort=sort)]
    while link := re.search(r'<a class="button" id="log-next" href="([^"]*)#details"', pages[-1]):
        pages.append(alice.get(link[1].replace("&amp;", "&")).content.decode())
        assert len(pages) <= 3
    assert [row for page in pages for row in rows_of(page)][-1] == made[-1]
    assert sorted({row for page in pages for row in rows_of(page)}) == sorted(made)
    back = re.search(r'id="log-previous" href="([^"]*)#details"', pages[1])
    assert back
    assert rows_of(alice.get(back[1].replace("&amp;", "&")).content.decode()) == made[:2]


@pytest.mark.usefixtures("small_pages")
def test_by_duration_the_latest_are_sorted_and_the_page_says_so(
    alice: PageClient, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "MOST_SORTED", 4)
    slow, *_, fast, _old = (
        delivered(webhook, hours(count), last_duration_ms=100.0 - count) for count in range(5)
    )
    first = page_of(alice, webhook, sort="webhookDuration:desc")
    assert rows_of(first)[0] == str(slow.pk)
    assert "The latest 4 are sorted" in first
    second = page_of(alice, webhook, sort="webhookDuration:desc", page=2)
    assert rows_of(second)[-1] == str(fast.pk)
    assert 'aria-sort="descending"' in second


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
