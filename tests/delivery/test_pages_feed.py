import datetime as dt
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from delivery.log import BY_INGESTION
from delivery.models import Delivery, State
from events.models import Event
from tests.conftest import PageClient
from tests.delivery.feed_pages import (
    FEED,
    HTMX,
    MINUTE,
    delivered_to,
    event,
    link,
    page,
    queries,
    row_of,
    shown,
)
from tests.factories import DeliveryFactory, EventFactory, OrganizationFactory, WebhookFactory

pytestmark = pytest.mark.both_databases

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def many(alice: PageClient) -> list[Event]:
    """130 events, the latest first; most came in batches of one moment."""
    now = timezone.now()
    events = [
        event(alice, ingested_at=now - MINUTE * (number // 40), name="pointsIssued")
        for number in range(130)
    ]
    return sorted(events, key=BY_INGESTION.of, reverse=True)


def test_a_row_tells_what_came_in_and_what_became_of_it(alice: PageClient) -> None:
    came = event(
        alice,
        name="tierUpgraded",
        customer_id="347266498",
        request_id="ac70134fac73752691f861aa94dd4678",
        failures=[{"path": "data.a", "message": "is missing"}, {"path": "data.a", "message": "x"}],
    )
    delivered_to(came, State.DELIVERED, State.RETRYING)
    row = row_of(page(alice), came)
    assert "tierUpgraded 347266498 1 of 2 Retrying 1 path differs ac70134f…4678" in row


def test_an_event_that_no_webhook_took_says_so(alice: PageClient) -> None:
    came = event(alice)
    assert "no webhook — —" in row_of(page(alice), came)


def test_the_state_is_the_worst_and_a_replay_stands_for_what_it_repeats(alice: PageClient) -> None:
    came = event(alice)
    delivered_to(came, State.DELIVERED, State.FAILED, State.PENDING)
    assert "1 of 3 Failed" in row_of(page(alice), came)
    failed = Delivery.objects.get(state=State.FAILED)
    DeliveryFactory(webhook=failed.webhook, event=came, state=State.DELIVERED, is_replay=True)
    assert "2 of 3 Pending" in row_of(page(alice), came)
    assert shown(page(alice, state="failed")) == []


def test_times_are_in_the_zone_of_the_organization_with_the_moment_on_hover(
    alice: PageClient,
) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    event(alice, occurred_at=dt.datetime(2026, 3, 4, 20, 0, 1, tzinfo=dt.UTC))
    html = page(alice)
    assert "01:30:01</time>" in html
    assert 'title="5 Mar 2026, 01:30:01.000 IST"' in html


def test_test_events_are_marked(alice: PageClient) -> None:
    came = event(alice, is_test=True)
    assert "transactionAdded Test" in row_of(page(alice), came)


def test_what_producers_send_is_shown_and_not_run(alice: PageClient) -> None:
    event(alice, name=HOSTILE, customer_id=HOSTILE, request_id=HOSTILE)
    assert HOSTILE not in page(alice)
    assert HOSTILE not in page(alice, q=HOSTILE)
    assert HOSTILE not in page(alice, type=HOSTILE, state=HOSTILE, range=HOSTILE, older=HOSTILE)


def test_events_of_others_are_not_in_the_feed(alice: PageClient, charlie_page: PageClient) -> None:
    event(charlie_page, event_id="theirs")
    child = EventFactory(organization=OrganizationFactory(parent=alice.organization))
    assert shown(page(alice)) == []
    assert shown(page(alice, q="theirs")) == []
    assert shown(page(alice, q=child.event_id)) == []


def test_deliveries_to_a_parents_webhooks_are_the_parents(alice: PageClient) -> None:
    alice.organization.parent = OrganizationFactory()
    alice.organization.save()
    came = event(alice)
    parents = WebhookFactory(organization=alice.organization.parent, listen_to_child_events=True)
    DeliveryFactory(webhook=parents, event=came, state=State.FAILED)
    assert "no webhook" in row_of(page(alice), came)
    assert shown(page(alice, state="failed")) == []


def test_read_is_enough_and_shows_nothing_that_writes(
    alice: PageClient, bob_page: PageClient
) -> None:
    came = event(alice)
    html = page(bob_page)
    assert shown(html) == [str(came.pk)]
    assert "New notification" not in html
    assert "New notification" in page(alice)


def test_older_and_newer_pass_every_event_once_also_those_of_one_moment(
    alice: PageClient, many: list[Event]
) -> None:
    expected = [str(each.pk) for each in many]
    pages, url = [page(alice)], link(page(alice), "Older")
    while url:
        pages.append(page(alice, url))
        url = link(pages[-1], "Older")
    assert [len(shown(html)) for html in pages] == [50, 50, 30]
    assert [row for html in pages for row in shown(html)] == expected
    back = page(alice, link(pages[2], "Newer") or "")
    assert shown(back) == expected[50:100]
    assert link(pages[0], "Newer") is None
    top = alice.get(link(back, "Newer") or "")
    assert top["Location"] == FEED


def test_a_page_stays_in_its_place_while_events_come_in(
    alice: PageClient, many: list[Event]
) -> None:
    url = link(page(alice), "Older") or ""
    before = shown(page(alice, url))
    event(alice)
    assert shown(page(alice, url)) == before


def test_pages_keep_the_filters(alice: PageClient, many: list[Event]) -> None:
    event(alice, name="tierUpgraded")
    url = link(page(alice, type="pointsIssued", state=""), "Older") or ""
    assert url.startswith("/feed?type=pointsIssued&older=")
    assert shown(page(alice, url)) == [str(each.pk) for each in many[50:100]]


def test_the_first_visit_and_nothing_found_say_what_to_do(alice: PageClient) -> None:
    assert "No event yet" in page(alice)
    html = page(alice, q="wallett")
    assert "matches “wallett”" in html
    assert "Clear search and filters" in html


def test_a_filter_fetches_the_feed_alone_and_names_its_address(alice: PageClient) -> None:
    came = event(alice)
    asked = {"q": "", "type": came.name, "state": "", "range": ""}
    response = alice.get(FEED, asked, headers=HTMX | {"HX-Target": "feed"})
    html = response.content.decode()
    assert shown(html) == [str(came.pk)]
    assert "<html" not in html
    assert response["HX-Push-Url"] == f"/feed?type={came.name}"
    assert "HX-Request" in response["Vary"]


def test_the_number_of_queries_does_not_grow(alice: PageClient) -> None:
    now = timezone.now()
    older = BY_INGESTION.before(now - MINUTE)
    paths = [FEED, f"{FEED}?q=x&state=failed&mismatch=on", f"{FEED}?older={older}"]

    def fill() -> None:
        for at in (now, now - 2 * MINUTE):
            came = event(
                alice, ingested_at=at, ref_id="x", failures=[{"path": "a", "message": "b"}]
            )
            delivered_to(came, State.FAILED)

    fill()
    few = [queries(alice, path) for path in paths]
    for _ in range(20):
        fill()
    assert [queries(alice, path) for path in paths] == few
    assert max(few) <= 13


def test_payloads_are_not_read_for_the_feed(alice: PageClient) -> None:
    event(alice, payload=json.dumps({"data": "x" * 1_000}))
    with CaptureQueriesContext(connection) as captured:
        page(alice)
    assert not any("payload" in query["sql"] for query in captured.captured_queries)


def test_the_address_of_an_event_is_its_rows(alice: PageClient) -> None:
    came = event(alice)
    assert f'href="{reverse("event-detail", args=[came.pk])}"' in page(alice)
