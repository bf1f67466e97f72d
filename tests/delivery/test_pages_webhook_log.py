"""The log on a webhook's page: how it is narrowed, ordered and paged."""

import datetime as dt
import re

import pytest
from django.utils import timezone

from delivery.models import State
from delivery.pages import log_search
from tests.conftest import PageClient
from tests.delivery.webhook_pages import (
    delivered,
    hours,
    ids_of,
    page_of,
    rows_of,
)
from tests.factories import OrganizationFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return WebhookFactory(organization=alice.organization, name="CRM sync")


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
