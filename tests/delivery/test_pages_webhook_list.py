import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone
from django.utils.html import escape

from delivery.models import Health, State
from events import event_types
from events.catalogue import CATALOGUE
from tests.conftest import PageClient
from tests.delivery.webhook_list_pages import HOSTILE, a_webhook, ended, names, page, refusing, row
from tests.factories import DeliveryFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


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


def test_the_first_visit_explains_and_offers(alice: PageClient, bob_page: PageClient) -> None:
    html = page(alice)
    assert "No webhook yet" in html
    assert html.count("New notification") == 1
    assert "See all 78 events" in html
    assert "New notification" not in page(bob_page)


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
