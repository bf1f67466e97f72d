import datetime as dt
import json
import re
import uuid
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from delivery.models import Attempt, Delivery, State
from delivery.pages.event_detail import MAX_DELIVERIES
from events.models import Event
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, EventFactory, OrganizationFactory, WebhookFactory

pytestmark = pytest.mark.both_databases

HOSTILE = "</code></pre><script>alert('payload')</script>"


def address(event: Event) -> str:
    return reverse("event-detail", args=[event.pk])


def page(client: PageClient, event: Event) -> str:
    response = client.get(address(event))
    assert response.status_code == 200
    return str(response.content.decode())


def text(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def attempt(delivery: Delivery, number: int, started_at: dt.datetime) -> None:
    Attempt.objects.create(
        delivery=delivery, number=number, started_at=started_at, duration_ms=88.2, status=503
    )


def test_the_overview_tells_the_event(alice: PageClient) -> None:
    event = EventFactory(
        organization=alice.organization,
        name="tierUpgraded",
        customer_id="347266498",
        received_from="pos-sg-04",
        occurred_at=dt.datetime(2026, 3, 4, 20, 0, 1, 369000, tzinfo=dt.UTC),
    )
    html = page(alice, event)
    for value in (event.event_id, event.request_id, event.ref_id):
        assert f'data-copy="{value}"' in html
    assert "Customer 347266498 Received from Till credential pos-sg-04 Received at" in text(html)
    assert 'title="4 Mar 2026, 20:00:01.369 UTC"' in html


def test_the_deliveries_tell_how_far_they_are(alice: PageClient) -> None:
    now = timezone.now()
    event = EventFactory(organization=alice.organization)
    crm = WebhookFactory(organization=alice.organization, name="CRM sync")
    delivery = DeliveryFactory(
        webhook=crm,
        event=event,
        state=State.RETRYING,
        attempts=2,
        last_status=503,
        last_duration_ms=88.2,
        next_attempt_at=now + dt.timedelta(seconds=300),
    )
    attempt(delivery, 1, now - dt.timedelta(hours=3))
    attempt(delivery, 2, now - dt.timedelta(hours=2))
    lake = WebhookFactory(organization=alice.organization, name="Lake")
    DeliveryFactory(webhook=lake, event=event, state=State.DELIVERED)
    html = page(alice, event)
    assert reverse("delivery-detail", args=[delivery.pk]) in html
    assert "CRM sync Retrying 2 503 88 ms 2 h ago next in 4 min" in text(html)
    assert "1 of 2 delivered" in html
    assert html.index("CRM sync") < html.index(">Lake<")


def test_no_response_is_told_in_words(alice: PageClient) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    delivery = DeliveryFactory(
        webhook=webhook, state=State.RETRYING, attempts=1, last_error="refused"
    )
    assert "connection refused" in page(alice, delivery.event)


def test_the_newest_delivery_to_a_webhook_stands_for_the_older_ones(alice: PageClient) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    first = DeliveryFactory(webhook=webhook, state=State.FAILED)
    replay = DeliveryFactory(
        webhook=webhook, event=first.event, state=State.DELIVERED, is_replay=True
    )
    html = page(alice, first.event)
    assert reverse("delivery-detail", args=[replay.pk]) in html
    assert reverse("delivery-detail", args=[first.pk]) not in html
    assert "1 of 1 delivered" in html


def test_a_deleted_webhook_is_still_named(alice: PageClient) -> None:
    webhook = WebhookFactory(
        organization=alice.organization, name="Old one", deleted_at=timezone.now()
    )
    delivery = DeliveryFactory(webhook=webhook, state=State.CANCELLED)
    assert "Old one deleted Cancelled" in text(page(alice, delivery.event))


def test_an_event_without_a_delivery_says_why(alice: PageClient) -> None:
    event = EventFactory(organization=alice.organization)
    assert "No webhook was subscribed to transactionAdded" in page(alice, event)


def test_what_failed_validation_is_told_and_marked(alice: PageClient) -> None:
    event = EventFactory(
        organization=alice.organization,
        data={"items": [{"amount": "12"}]},
        failures=[
            {"path": "data.items[0].amount", "message": "must be a number, not a string"},
            {"path": "data.items[0].code", "message": "is missing"},
        ],
    )
    html = page(alice, event)
    assert "2 paths differ from the schema." in html
    marked = re.findall(r'data-n="(\d+)" data-wrong id="L\1">(.*?)</span>\n?', html)
    assert len(marked) == 2
    assert '<a href="#L11"><code>data.items[0].amount</code></a> must be a number' in html
    assert '<a href="#L10"><code>data.items[0].code</code></a> is missing' in html
    assert re.search(r'data-n="11" data-wrong id="L11">.*?amount', html)


def test_hostile_content_is_shown_and_not_run(alice: PageClient) -> None:
    webhook = WebhookFactory(organization=alice.organization, name=HOSTILE)
    event = EventFactory(
        organization=alice.organization,
        name=HOSTILE,
        ref_id=HOSTILE,
        customer_id=HOSTILE,
        received_from=HOSTILE,
        data={HOSTILE: HOSTILE},
        failures=[{"path": f"data[{HOSTILE}]", "message": HOSTILE}],
    )
    DeliveryFactory(webhook=webhook, event=event, last_error=HOSTILE[:20])
    html = page(alice, event)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_the_payload_can_be_had_as_a_file(alice: PageClient) -> None:
    event = EventFactory(organization=alice.organization, data={"name": "Zoë", "n": 1.50})
    response = alice.get(reverse("event-payload", args=[event.pk]))
    assert response.content.decode() == event.payload
    assert response["Content-Type"].startswith("application/json")
    assert response["Content-Disposition"] == f'attachment; filename="event-{event.pk}.json"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_large_payload_is_cut_and_can_be_had_whole(alice: PageClient) -> None:
    event = EventFactory(organization=alice.organization, data={"list": list(range(100_000))})
    html = page(alice, event)
    assert html.count('class="line"') == 2_000
    assert "The first 2,000 lines" in html
    assert 'data-copies="payload-text"' in html
    found = re.search(r'<pre id="payload-text" hidden>(.*?)</pre>', html)
    assert found
    assert json.loads(found[1].replace("&quot;", '"')) == json.loads(event.payload)


def test_a_small_payload_is_copied_from_its_lines(alice: PageClient) -> None:
    html = page(alice, EventFactory(organization=alice.organization))
    assert 'data-copies="payload-lines"' in html
    assert "payload-text" not in html


def test_read_is_enough(alice: PageClient, bob_page: PageClient) -> None:
    event = EventFactory(organization=alice.organization)
    assert event.event_id in page(bob_page, event)
    assert bob_page.get(reverse("event-payload", args=[event.pk])).status_code == 200


@pytest.mark.parametrize("name", ["event-detail", "event-payload"])
def test_what_belongs_to_others_does_not_exist(
    alice: PageClient, charlie_page: PageClient, name: str
) -> None:
    theirs = EventFactory(organization=charlie_page.organization)
    childs = EventFactory(organization=OrganizationFactory(parent=alice.organization))
    for event_id in (theirs.pk, childs.pk, uuid.uuid4()):
        assert alice.get(reverse(name, args=[event_id])).status_code == 404


def test_a_parent_sees_the_events_of_children_that_its_webhooks_got(
    alice: PageClient, charlie_page: PageClient
) -> None:
    child = charlie_page.organization
    child.parent = alice.organization
    child.save()
    event = EventFactory(organization=child)
    parents = WebhookFactory(organization=alice.organization, name="Of the parent")
    childs = WebhookFactory(organization=child, name="Of the child")
    for webhook in (parents, childs):
        DeliveryFactory(webhook=webhook, event=event)
    seen_by_parent, seen_by_child = page(alice, event), page(charlie_page, event)
    assert "Of the parent" in seen_by_parent
    assert "Of the child" not in seen_by_parent
    assert f"Organization {child}" in text(seen_by_parent)
    assert "Of the child" in seen_by_child
    assert "Of the parent" not in seen_by_child


def test_the_number_of_queries_does_not_grow(alice: PageClient) -> None:
    event = EventFactory(organization=alice.organization)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(alice, event)
        return len(captured)

    webhook = WebhookFactory(organization=alice.organization)
    attempt(DeliveryFactory(webhook=webhook, event=event), 1, timezone.now())
    few = queries()
    for _ in range(10):
        webhook = WebhookFactory(organization=alice.organization)
        attempt(DeliveryFactory(webhook=webhook, event=event), 1, timezone.now())
    assert queries() == few
    assert few <= 8


def test_of_very_many_deliveries_the_undelivered_are_listed_first(alice: PageClient) -> None:
    event = EventFactory(organization=alice.organization)
    for number in range(MAX_DELIVERIES + 2):
        webhook = WebhookFactory(organization=alice.organization, name=f"Hook {number:03}")
        is_last = number == MAX_DELIVERIES + 1
        state = State.FAILED if is_last else State.DELIVERED
        DeliveryFactory(webhook=webhook, event=event, state=state)
    html = page(alice, event)
    assert f"{MAX_DELIVERIES + 1} of {MAX_DELIVERIES + 2} delivered" in html
    assert html.index(f"Hook {MAX_DELIVERIES + 1:03}") < html.index("Hook 000")
    assert "2 more are not listed" in html
