"""How the list of webhooks is searched, narrowed, sorted and paged."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from delivery.models import Health, State
from tests.conftest import PageClient
from tests.delivery.webhook_list_pages import (
    HOSTILE,
    ROW,
    a_webhook,
    ended,
    names,
    page,
    refusing,
    row,
)
from tests.factories import DeliveryFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.mark.parametrize("wanted", ["crm", "CRM.example", "tierupgr", " crm "])
def test_search_finds_names_urls_and_events(alice: PageClient, wanted: str) -> None:
    a_webhook(alice, name="CRM", url="https://crm.example.com/", events=["tierUpgraded"])
    a_webhook(alice, name="Other")
    assert names(alice, q=wanted) == ["CRM"]


def test_queues_are_found_by_their_type_and_never_by_their_password(alice: PageClient) -> None:
    url = "amqps://bakery@orders.example.com/in"
    a_webhook(alice, name="Orders", webhook_type="queue", url=url, url_secret="bakery:hunter2")
    a_webhook(alice, name="Other")
    assert names(alice, q="Queue") == ["Orders"]
    assert names(alice, q="amqps://") == ["Orders"]
    assert names(alice, q="hunter2") == []


@pytest.mark.parametrize("wanted", ["100%", "_", "'", "\\", "%"])
def test_search_takes_signs_as_they_are(alice: PageClient, wanted: str) -> None:
    a_webhook(alice, name="Plain")
    found = a_webhook(alice, name=f"Has {wanted} in it")
    assert names(alice, q=wanted) == [escape(found.name)]


def test_health_finds_what_the_status_says(alice: PageClient) -> None:
    down, refuses, retries, slow, fine, off = (
        a_webhook(alice, name=name)
        for name in ("down", "refuses", "retries", "slow", "fine", "off")
    )
    Health.objects.create(webhook=down, failures=5)
    refusing(refuses)
    DeliveryFactory(webhook=retries, state=State.RETRYING)
    Health.objects.create(webhook=retries)
    ended(slow, sla_breached_at=timezone.now())
    ended(fine, State.FAILED, sla_breached_at=timezone.now())
    DeliveryFactory(webhook=off, state=State.RETRYING)
    off.deactivate()
    off.save()
    found = {
        health: names(alice, health=health, sort="name")
        for health in ("failing", "retrying", "slow", "healthy", "")
    }
    assert found == {
        "failing": ["down", "refuses"],
        "retrying": ["retries"],
        "slow": ["slow"],
        "healthy": ["fine"],
        "": ["down", "fine", "off", "refuses", "retries", "slow"],
    }


def test_an_outage_that_began_long_ago_but_ended_is_no_refusal(alice: PageClient) -> None:
    webhook = a_webhook(alice)
    refusing(webhook)
    Health.objects.update(failing_since=None)
    assert names(alice, health="failing") == []
    assert "Active, failing" not in row(alice, webhook)


def test_statuses_are_counted_within_what_is_searched(alice: PageClient) -> None:
    a_webhook(alice, name="CRM")
    a_webhook(alice, name="CRM off", deactivated_at=timezone.now())
    gone = a_webhook(alice, name="CRM gone", deactivated_at=timezone.now())
    gone.deactivation_reason = "The receiver answered 410 Gone."
    gone.save()
    a_webhook(alice, name="Other")
    counts = re.findall(r'(\w+) <span class="count">(\d+)</span>', page(alice, q="crm"))
    statuses = [("All", "3"), ("Active", "1"), ("Inactive", "1"), ("Deactivated", "1")]
    assert [count for count in counts if count[0] in dict(statuses)] == statuses
    assert names(alice, q="crm", status="inactive") == ["CRM off"]
    assert names(alice, status="deactivated") == ["CRM gone"]
    assert names(alice, status="active", sort="name") == ["CRM", "Other"]


def test_it_is_sorted_by_name_changes_or_failures(alice: PageClient) -> None:
    for days, name in enumerate(["b", "C", "a"]):
        webhook = a_webhook(alice, name=name, updated_at=timezone.now() - dt.timedelta(days=days))
        for _ in range({"C": 2, "a": 1}.get(name, 0)):
            ended(webhook, State.FAILED)
    assert names(alice) == ["b", "C", "a"]
    assert names(alice, sort="updated") == ["a", "C", "b"]
    assert names(alice, sort="name") == ["a", "b", "C"]
    assert names(alice, sort="-name") == ["C", "b", "a"]
    assert names(alice, sort="-failed") == ["C", "a", "b"]
    assert names(alice, sort="-failed", health="healthy") == ["C", "a", "b"]
    html = page(alice, sort="-failed")
    assert 'aria-sort="descending"><a id="sort-failed" href="?sort=failed"' in html
    assert html.count("aria-sort") == 1


@pytest.mark.parametrize(
    "query", [{"status": "x"}, {"health": "x"}, {"sort": "id"}, {"page": "x"}, {"q": "\0"}]
)
def test_what_is_no_choice_is_left_out(alice: PageClient, query: dict[str, str]) -> None:
    a_webhook(alice, name="CRM")
    assert names(alice, **query) == ["CRM"]


def test_fifty_are_on_a_page_and_a_page_that_is_no_more_is_the_last(alice: PageClient) -> None:
    for number in range(51):
        a_webhook(alice, name=f"{number:02}")
    assert names(alice, sort="name") == [f"{number:02}" for number in range(50)]
    assert names(alice, sort="name", page=2) == names(alice, sort="name", page=9) == ["50"]
    assert "51 webhooks, page 1 of 2" in page(alice)
    assert 'href="?sort=name&amp;page=2"' in page(alice, sort="name")


def test_nothing_found_says_what_was_looked_for(alice: PageClient) -> None:
    a_webhook(alice)
    assert "No webhook matches “&lt;script&gt;" in page(alice, q=HOSTILE)
    assert "No webhook matches these filters." in page(alice, status="inactive")
    assert "Clear search and filters" in page(alice, status="inactive")


def test_live_filtering_renews_the_results_and_the_counts_only(alice: PageClient) -> None:
    a_webhook(alice, name="CRM")
    headers = {"HX-Request": "true", "HX-Target": "results"}
    answer = alice.get(reverse("webhook-list"), {"q": "crm", "health": ""}, headers=headers)
    html = answer.content.decode()
    assert "<html" not in html
    assert ROW.findall(html) == ["CRM"]
    assert 'id="statuses"' in html
    assert "1 webhook found" in html
    assert answer.headers["HX-Push-Url"] == "/notifications?q=crm"
    assert "HX-Request" in answer.headers["Vary"]
