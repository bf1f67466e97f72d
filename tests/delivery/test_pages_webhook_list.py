import datetime as dt
import re
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from delivery.models import Delivery, Health, State
from delivery.tally import recount
from events import event_types
from events.catalogue import CATALOGUE
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

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


def test_a_row_tells_what_a_webhook_is_and_how_it_does(alice: PageClient) -> None:
    webhook = a_webhook(
        alice,
        name="CRM sync",
        url="https://crm.example.com/in",
        events=["customerAdded", "transactionAdded"],
        updated_by={"name": "Tomás"},
        updated_at=timezone.now() - dt.timedelta(minutes=6, seconds=5),
    )
    for _ in range(3):
        ended(webhook)
    ended(webhook, State.FAILED)
    text = row(alice, webhook)
    assert text.startswith(
        "CRM sync crm.example.com/in Active 2 customerAdded transactionAdded 3 1"
    )
    assert "6 min ago Tomás" in text
    assert re.search(r" \d\d ms ", text)  # to the width of a bucket
    html = page(alice)
    assert 'aria-label="3 delivered and 1 failed over the last 24 hours"' in html
    assert 'title="https://crm.example.com/in"' in html
    assert 'title="customerAdded, transactionAdded"' in html


def test_what_never_got_an_event_has_dashes(alice: PageClient) -> None:
    assert "Active No event yet 1 transactionAdded — — — —" in row(alice, a_webhook(alice))


def test_many_events_are_counted_and_the_first_named(alice: PageClient) -> None:
    everything = a_webhook(alice, events=sorted(CATALOGUE))
    first = min(CATALOGUE)
    assert f"all 78 {first}" in row(alice, everything)
    assert "and 66 more" in row(alice, everything)


def test_the_worst_that_is_true_is_said(alice: PageClient) -> None:
    down, refuses, retries, slow, fine = (a_webhook(alice) for _ in range(5))
    Health.objects.create(webhook=down, failures=52, failing_since=timezone.now())
    refusing(refuses)
    DeliveryFactory(webhook=retries, state=State.RETRYING)
    for _ in range(2):
        DeliveryFactory(webhook=retries)
    ended(slow, sla_breached_at=timezone.now())
    ended(fine)
    ended(fine, State.FAILED, sla_breached_at=timezone.now())
    DeliveryFactory(webhook=fine)
    assert "Active, failing 52 failures in a row" in row(alice, down)
    assert "Active, failing Refuses every delivery" in row(alice, refuses)
    assert "Active, retrying 3 deliveries wait" in row(alice, retries)
    assert "Active, slow 1 SLA breach" in row(alice, slow)
    assert "Active 1 transactionAdded 1 1" in row(alice, fine)


def test_who_switched_a_webhook_off_and_why(alice: PageClient) -> None:
    long_ago = timezone.now() - dt.timedelta(days=2)
    by = {"updated_by": {"name": "Tomás"}, "updated_at": long_ago}
    by_service = a_webhook(alice, **by)
    by_service.deactivate("The receiver answered 410 Gone.")
    by_service.save()
    by_person = a_webhook(alice, deactivated_at=long_ago, **by)
    DeliveryFactory(webhook=by_person)
    assert "Deactivated The receiver answered 410 Gone." in row(alice, by_service)
    assert "now the service" in row(alice, by_service)
    assert "Inactive 1 delivery held" in row(alice, by_person)
    assert "Tomás" in row(alice, by_person)


@pytest.mark.parametrize("wanted", ["crm", "CRM.example", "tierupgr", " crm "])
def test_search_finds_names_urls_and_events(alice: PageClient, wanted: str) -> None:
    a_webhook(alice, name="CRM", url="https://crm.example.com/", events=["tierUpgraded"])
    a_webhook(alice, name="Other")
    assert names(alice, q=wanted) == ["CRM"]


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


def test_the_first_visit_explains_and_offers(alice: PageClient, bob_page: PageClient) -> None:
    html = page(alice)
    assert "No webhook yet" in html
    assert html.count("New notification") == 1
    assert "See all 78 events" in html
    assert "New notification" not in page(bob_page)


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


def test_hostile_content_is_shown_and_not_run(alice: PageClient) -> None:
    webhook = a_webhook(
        alice,
        name=HOSTILE,
        url="https://x.example/?q=<b>&'\"",
        events=['<img src="x">'],
        updated_by={"name": HOSTILE},
        deactivated_at=timezone.now(),
        deactivation_reason=HOSTILE,
    )
    html = page(alice, q="script")
    assert HOSTILE not in html
    assert "<b>" not in html
    assert "<img" not in html
    assert escape(webhook.name) in html


def test_who_may_only_read_sees_no_control_that_writes(
    alice: PageClient, bob_page: PageClient
) -> None:
    a_webhook(alice, name="CRM")
    assert names(bob_page) == ["CRM"]
    html = page(bob_page)
    for word in (
        "New notification",
        ">Delete<",
        ">Deactivate<",
        ">Duplicate<",
        ">Edit<",
        "Actions",
    ):
        assert word in page(alice)
        assert word not in html


def test_another_organisations_webhooks_are_not_there(
    alice: PageClient, charlie_page: PageClient
) -> None:
    a_webhook(alice, name="CRM")
    assert "No webhook yet" in page(charlie_page)


def test_the_number_of_queries_is_fixed(
    alice: PageClient, django_assert_max_num_queries: Any
) -> None:
    def read() -> None:
        event_types.remembered.clear()
        page(alice, q="webhook", health="healthy", sort="-failed")

    a_webhook(alice)
    with django_assert_max_num_queries(14) as few:
        read()
    for _ in range(20):
        webhook = a_webhook(alice, events=["customerAdded", "transactionAdded"])
        ended(webhook)
        Health.objects.create(webhook=webhook)
    with django_assert_max_num_queries(len(few)):
        read()
