from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from delivery import metrics, tally
from delivery.intervals import hour_of
from delivery.log import newest
from delivery.models import Delivery, State
from tests.conftest import CredentialClient
from tests.delivery.entries import ago, data_of, delivered, epoch_ms, errors_of, metrics_of
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def metrics_answer(client: CredentialClient, webhook: Webhook, **query: Any) -> Any:
    """Once the rows, which were written past the engine, are counted."""
    tally.recount()
    return data_of(client, metrics_of(webhook.consumer_group_id), **query)


@pytest.fixture
def webhook(api: CredentialClient) -> Webhook:
    return WebhookFactory(organization=api.organization)


def of_all() -> metrics.Metrics:
    return metrics.of(Delivery.objects.order_by("-ingested_at"))


def test_every_state_is_counted_once_and_the_parts_add_up(webhook: Webhook) -> None:
    for number, state in enumerate(State, start=1):
        DeliveryFactory.create_batch(number, webhook=webhook, state=state, attempts=1)
    counted = of_all()
    assert counted.pending == 1 + 2  # pending, in flight for the first time
    assert counted.retrying == 3
    assert counted.delivered == 4
    assert counted.failed == 5 + 6 + 7 + 8  # failed, blocked, expired, quarantined
    assert counted.total == sum(range(1, 9))  # the nine cancelled are left out


def test_what_is_in_flight_again_is_being_retried(webhook: Webhook) -> None:
    DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT, attempts=1)
    DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT, attempts=2)
    counted = of_all()
    assert (counted.pending, counted.retrying) == (1, 1)


def test_the_average_is_of_the_delivered_ones_from_creation_to_success(webhook: Webhook) -> None:
    start = timezone.now()
    for duration_ms, state in ((100, "delivered"), (250.5, "delivered"), (9_000, "failed")):
        DeliveryFactory(
            webhook=webhook,
            state=state,
            created_at=start,
            finished_at=start + timedelta(milliseconds=duration_ms),
        )
    assert of_all().average_delivery_ms == pytest.approx(175.25, abs=0.01)


def test_without_deliveries_there_is_no_average() -> None:
    assert of_all() == metrics.Metrics(0, 0, 0, 0, average_delivery_ms=None)


def test_test_events_count_nowhere(webhook: Webhook) -> None:
    DeliveryFactory(webhook=webhook, state=State.DELIVERED, event__is_test=True)
    assert of_all().total == 0


def test_the_numbers_come_from_one_query(webhook: Webhook, django_assert_num_queries: Any) -> None:
    DeliveryFactory.create_batch(3, webhook=webhook)
    with django_assert_num_queries(1):
        assert of_all().total == 3


def test_the_numbers_of_the_last_30_days_add_up(bob: CredentialClient, webhook: Webhook) -> None:
    for state in State:
        delivered(webhook, ago(days=1), state=state)
    delivered(webhook, ago(days=31))
    delivered(WebhookFactory(organization=bob.organization), ago(days=1))
    before = timezone.now()
    answer = metrics_answer(bob, webhook)
    start, end = answer.pop("startDate"), answer.pop("endDate")
    assert answer == {
        "totalEvents": 8,
        "deliveredEvents": 1,
        "failedEvents": 4,
        "retryingEvents": 1,
        "pendingEvents": 2,
        "averageDeliveryTime": 33.0,
    }
    assert isinstance(answer["averageDeliveryTime"], float)
    assert epoch_ms(before) - 1 <= end <= epoch_ms(timezone.now())
    assert end - start == 30 * 24 * 3600 * 1000


def test_a_replayed_event_counts_once_as_what_it_became(
    api: CredentialClient, webhook: Webhook
) -> None:
    failed = delivered(webhook, ago(days=3), state=State.FAILED)
    delivered(webhook, failed.ingested_at, event=failed.event, is_replay=True)
    answer = metrics_answer(api, webhook)
    assert (answer["totalEvents"], answer["deliveredEvents"]) == (1, 1)


def test_a_range_counts_what_came_in_then(api: CredentialClient, webhook: Webhook) -> None:
    for days in (1, 2, 3):
        delivered(webhook, ago(days=days))
    dates = {"startDate": epoch_ms(ago(days=2.5)), "endDate": epoch_ms(ago(days=1.5))}
    answer = metrics_answer(api, webhook, **dates)
    assert answer["totalEvents"] == 1
    assert {name: answer[name] for name in dates} == dates


@pytest.mark.parametrize(
    ("start_minute", "end_minute"),
    [(0, 180), (17, 163), (17, 43), (17, 60), (17, 80), (0, 60), (30, 30), (17, None), (60, 119)],
)
def test_tallies_and_rows_together_find_what_the_rows_say(
    webhook: Webhook, start_minute: int, end_minute: int | None
) -> None:
    first = hour_of(ago(hours=5))
    for minute in (0, 17, 42, 43, 59, 60, 61, 119, 120, 162, 163, 180):
        for state in State:
            is_over = state not in ("pending", "in_flight", "retrying")
            delivered(
                webhook,
                first + timedelta(minutes=minute),
                state=state,
                duration_ms=minute + 0.123,
                **({} if is_over else {"finished_at": None, "attempts": 2}),
            )
    replayed = webhook.deliveries.filter(state=State.FAILED)[0]
    delivered(webhook, replayed.ingested_at, event=replayed.event, is_replay=True)
    delivered(webhook, first + timedelta(minutes=30), event__is_test=True)
    tally.recount()
    start = first + timedelta(minutes=start_minute)
    rows = newest(webhook.deliveries.filter(ingested_at__gte=start))
    end = None
    if end_minute is not None:
        end = first + timedelta(minutes=end_minute)
        rows = rows.filter(ingested_at__lt=end)
    expected = metrics.of(rows)
    found = metrics.of_webhook(webhook, start, end)
    assert found.average_delivery_ms == pytest.approx(expected.average_delivery_ms, abs=0.002)
    assert replace(found, average_delivery_ms=expected.average_delivery_ms) == expected


def test_the_metrics_of_a_webhook_come_from_one_query(
    webhook: Webhook, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        metrics.of_webhook(webhook, ago(days=30), timezone.now())


def test_a_range_is_cut_to_what_is_kept(api: CredentialClient, webhook: Webhook) -> None:
    path = metrics_of(webhook.consumer_group_id)
    tomorrow = epoch_ms(timezone.now() + timedelta(days=1))
    answer = data_of(api, path, startDate=0, endDate=tomorrow)
    assert answer["startDate"] >= epoch_ms(ago(days=30, minutes=5))
    assert answer["endDate"] < tomorrow
    assert answer["totalEvents"] == 0
    assert answer["averageDeliveryTime"] is None
    long_ago = data_of(api, path, startDate=1, endDate=2)
    assert long_ago["startDate"] == long_ago["endDate"]


def test_wrong_dates_are_refused_by_name(api: CredentialClient, webhook: Webhook) -> None:
    query = {"startDate": "x", "endDate": "y"}
    errors = errors_of(api.get(metrics_of(webhook.consumer_group_id), query), 400)
    assert [(error["field"], error["code"]) for error in errors] == [
        ("startDate", 51030),
        ("endDate", 51030),
    ]
