"""The life of a delivery on its page: its attempts, what comes next and where it began."""

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.utils import timezone

from delivery.models import Delivery, Health, State
from delivery.pages.timeline import PAGE_ATTEMPTS
from tests.conftest import PageClient
from tests.delivery.delivery_pages import address_of, attempted, crm_sync, ended, page_of, text_of
from tests.factories import DeliveryFactory, EventFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    return crm_sync(alice.organization)


def test_attempts_stand_latest_first_and_only_the_newest_is_open(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, attempts=3, last_status=422)
    attempted(delivery, 1, status=None, error="timeout", duration_ms=30_000.0)
    attempted(delivery, 2, status=None, error="refused", duration_ms=4.0)
    attempted(delivery, 3, status=422)
    html = page_of(alice, delivery)
    summaries = re.findall(r"<summary><strong>(.*?)</strong>", html)
    assert summaries == [
        "Attempt 3: 422 Unprocessable Entity",
        "Attempt 2: connection refused",
        "Attempt 1: no response within 30 s",
    ]
    assert html.count("<details open>") == 1
    assert html.count("<h3>Response</h3>") == 1


def test_an_attempt_shows_what_was_sent_and_what_came_back(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, last_status=422)
    attempted(
        delivery, 1, status=422, response_headers=json.dumps([["Retry-After", "60"]]),
        response_body='{"error":"maintenance"}', body_truncated=True,
    )  # fmt: skip
    html = page_of(alice, delivery)
    text = text_of(html)
    assert "POST /in?x=1" in text
    assert "Authorization: Bear••••" in text
    assert "Retry-After: 60" in text
    assert "cut at 16 KiB" in text
    assert '<span class="key">&quot;error&quot;</span>: &quot;maintenance&quot;' in html
    assert delivery.event.event_id in text


def test_where_it_went_is_not_claimed_after_the_webhook_was_changed(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, last_status=422)
    attempted(delivery, 1)
    Webhook.objects.filter(pk=webhook.pk).update(updated_at=timezone.now())
    assert "POST /in" not in page_of(alice, delivery)


def test_another_attempt_opens_by_its_link_without_scripts(
    alice: PageClient, webhook: Webhook
) -> None:
    delivery = ended(webhook, State.FAILED, attempts=2, last_status=422)
    first = attempted(delivery, 1, response_body="the first body")
    attempted(delivery, 2, response_body="the second body")
    html = page_of(alice, delivery)
    assert "the first body" not in html
    link = f"{address_of(delivery)}?page=1&amp;attempt={first.pk}#attempt-{first.pk}"
    assert link in html
    opened = page_of(alice, delivery, attempt=first.pk)
    assert "the first body" in opened
    assert "the second body" not in opened


def test_another_attempt_opens_in_place_with_scripts(alice: PageClient, webhook: Webhook) -> None:
    delivery = ended(webhook, State.FAILED, attempts=2)
    first = attempted(delivery, 1, response_body="the first body")
    headers = {"HX-Request": "true", "HX-Target": f"exchange-{first.pk}"}
    query = {"attempt": str(first.pk)}
    response = alice.get(address_of(delivery), query, headers=headers)
    html = response.content.decode()
    assert f'id="exchange-{first.pk}"' in html
    assert "the first body" in html
    assert "<main" not in html
    assert "HX-Target" in response["Vary"]


def test_an_attempt_of_another_delivery_is_not_shown(alice: PageClient, webhook: Webhook) -> None:
    other = attempted(ended(webhook, State.FAILED), 1, response_body="of another")
    delivery = ended(webhook, State.FAILED)
    attempted(delivery, 1)
    assert "of another" not in page_of(alice, delivery, attempt=other.pk)
    headers = {"HX-Request": "true", "HX-Target": f"exchange-{other.pk}"}
    query = {"attempt": str(other.pk)}
    assert alice.get(address_of(delivery), query, headers=headers).status_code == 404


@pytest.mark.parametrize("attempt", ["x", "-1", "9" * 30, "\0", "\u0661"])
def test_an_attempt_that_does_not_exist_leaves_the_page_as_it_is(
    alice: PageClient, webhook: Webhook, attempt: str
) -> None:
    delivery = ended(webhook, State.FAILED)
    attempted(delivery, 1)
    assert "Attempt 1:" in page_of(alice, delivery, attempt=attempt)


def waiting(webhook: Webhook, due_in_s: float, **facts: Any) -> Delivery:
    due = timezone.now() + dt.timedelta(seconds=due_in_s)
    defaults = {"state": State.RETRYING, "attempts": 1, "next_attempt_at": due}
    return DeliveryFactory(webhook=webhook, **defaults | facts)


def test_a_receiver_that_asked_to_wait_is_quoted(alice: PageClient, webhook: Webhook) -> None:
    delivery = waiting(webhook, 3_600)
    attempted(delivery, 1, response_headers=json.dumps([["retry-after", "3600"]]))
    text = text_of(page_of(alice, delivery))
    assert "Next attempt in 1 h the receiver asked to wait: Retry-After 3600" in text


def test_the_next_attempt_of_the_schedule_is_told(alice: PageClient, webhook: Webhook) -> None:
    delivery = waiting(webhook, 600)
    attempted(delivery, 1)
    text = text_of(page_of(alice, delivery))
    assert "Next attempt in 10 min the waits grow with the attempts, up to 15 min" in text


def test_a_receiver_at_rest_is_told(alice: PageClient, webhook: Webhook) -> None:
    until = timezone.now() + dt.timedelta(minutes=5, milliseconds=400)
    Health.objects.create(webhook=webhook, failures=7, open_until=until)
    text = text_of(page_of(alice, waiting(webhook, -1)))
    assert "Next attempt in 5 min the receiver is given a rest after 7 failures in a row" in text


def test_a_wait_for_a_connection_is_told(alice: PageClient, webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(max_connections=1)
    delivery = waiting(webhook, -1, state=State.PENDING, attempts=0)
    assert "Next attempt now it is due" in text_of(page_of(alice, delivery))
    DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT, attempts=1)
    text = text_of(page_of(alice, delivery))
    assert "as soon as there is a free connection its one connection is in use" in text


def test_what_is_held_is_told(alice: PageClient, webhook: Webhook) -> None:
    webhook.deactivate()
    webhook.save()
    assert "Held the webhook is deactivated" in text_of(page_of(alice, waiting(webhook, 5)))


def test_what_is_being_sent_is_told(alice: PageClient, webhook: Webhook) -> None:
    delivery = DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT, attempts=2)
    attempted(delivery, 1)
    text = text_of(page_of(alice, delivery))
    assert "Attempt 2: being sent" in text
    assert "no record" not in text


def test_attempts_without_a_record_are_told(alice: PageClient, webhook: Webhook) -> None:
    delivery = ended(webhook, State.QUARANTINED, attempts=6)
    attempted(delivery, 2)
    attempted(delivery, 4)
    text = text_of(page_of(alice, delivery))
    for gap in ("Attempts 5 to 6: no record", "Attempt 3: no record", "Attempt 1: no record"):
        assert gap in text


def test_it_began_with_the_event_and_what_differs_from_its_schema(
    alice: PageClient, webhook: Webhook
) -> None:
    failures = [{"path": "data.a", "message": "x"}, {"path": "data.a", "message": "y"}]
    event = EventFactory(
        organization=alice.organization, failures=failures, received_from="pos-sg-04"
    )
    delivery = DeliveryFactory(webhook=webhook, event=event, is_replay=True)
    text = text_of(page_of(alice, delivery))
    assert "Event accepted from pos-sg-04 · warned: 1 path differs from the schema" in text
    assert "Replayed by hand" in text


def test_many_attempts_are_paged_at_the_same_number_of_queries(
    alice: PageClient, webhook: Webhook, django_assert_max_num_queries: Any
) -> None:
    delivery = ended(webhook, State.EXPIRED, attempts=1)
    attempted(delivery, 1)
    page_of(alice, delivery)
    with django_assert_max_num_queries(15) as one:
        page_of(alice, delivery)
    count = 2 * PAGE_ATTEMPTS + 5
    for number in range(2, count + 1):
        attempted(delivery, number)
    Delivery.objects.filter(pk=delivery.pk).update(attempts=count)
    with django_assert_max_num_queries(len(one)):
        first = page_of(alice, delivery)
    assert f"Attempt {count}:" in first
    assert "Earlier attempts" in first
    assert "Event accepted" not in first
    last = text_of(page_of(alice, delivery, page=3))
    assert "Attempt 5:" in last
    assert "Attempt 1:" in last
    assert "Event accepted" in last
    assert "no record" not in last + text_of(first)
    assert alice.get(address_of(delivery), {"page": 4}).status_code == 404
    assert alice.get(address_of(delivery), {"page": "x"}).status_code == 404
