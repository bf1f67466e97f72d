import datetime as dt
import zoneinfo
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from delivery import charts, figures, intervals, metrics, tally
from delivery.models import FAILED, Attempt, Delivery, State, Tally
from tests.delivery.entries import ago, delivered
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

ZONES = ["UTC", "Asia/Singapore", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"]
NOON = dt.datetime(2026, 11, 21, 12, 34, 56, tzinfo=dt.UTC)


@pytest.fixture
def webhook() -> Webhook:
    return WebhookFactory()


def one_of_each(webhook: Webhook, at: dt.datetime) -> None:
    for state in State:
        is_over = state not in (State.PENDING, State.RETRYING, State.IN_FLIGHT)
        finished_at = at + dt.timedelta(milliseconds=100) if is_over else None
        delivered(webhook, at, state=state, finished_at=finished_at)
    delivered(webhook, at, state=State.IN_FLIGHT, finished_at=None, attempts=2)
    delivered(webhook, at, event__is_test=True)


def attempt(delivery: Delivery, status: int | None, error: str = "") -> None:
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=delivery.ingested_at,
        duration_ms=3,
        request_headers="[]",
        status=status,
        response_headers="[]",
        response_body="",
        error=error,
    )


# --- The last day --------------------------------------------------------------------------


def test_a_day_has_24_hours_of_delivered_and_failed_with_the_present_one_last(
    webhook: Webhook,
) -> None:
    for hours in (0, 0, 1, 23, 24):
        delivered(webhook, intervals.hour_of(ago(hours=hours)))
    delivered(webhook, intervals.hour_of(ago(hours=1)), state=State.EXPIRED)
    delivered(webhook, intervals.hour_of(ago(hours=2)), state=State.CANCELLED)
    tally.recount()
    day = figures.last_day([webhook])[webhook.pk]
    assert len(day.hours) == 24
    assert (day.hours[0], day.hours[-2:]) == ((1, 0), [(1, 1), (2, 0)])
    assert (day.delivered, day.failed) == (4, 1)


def test_a_day_counts_breaches_and_finds_the_95th_percentile(webhook: Webhook) -> None:
    for number in range(1, 101):
        delivered(webhook, timezone.now(), duration_ms=number * 10 - 3)
    delivered(webhook, timezone.now(), state=State.FAILED, sla_breached_at=timezone.now())
    tally.recount()
    day = figures.last_day([webhook])[webhook.pk]
    assert day.p95_ms == pytest.approx(950, rel=0.1)
    assert day.sla_breaches == 1


def test_what_waits_is_counted_up_to_a_thousand(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = WebhookFactory()
    for state in (State.PENDING, State.RETRYING, State.IN_FLIGHT, State.DELIVERED):
        DeliveryFactory(webhook=webhook, state=state)
    day = figures.last_day([webhook, other])
    assert (day[webhook.pk].waiting, day[webhook.pk].has_more_waiting) == (2, False)
    assert day[other.pk].waiting == 0
    monkeypatch.setattr(figures, "MOST_WAITING", 1)
    day = figures.last_day([webhook])
    assert (day[webhook.pk].waiting, day[webhook.pk].has_more_waiting) == (1, True)


def test_without_webhooks_there_are_no_days() -> None:
    assert figures.last_day([]) == {}


def test_a_quiet_webhook_has_a_day_of_nothing(webhook: Webhook) -> None:
    assert figures.last_day([webhook]) == {webhook.pk: figures.Day()}
    assert figures.Day().p95_ms is None


@pytest.mark.parametrize("count", [1, 12])
def test_days_of_many_webhooks_take_as_many_queries(
    count: int, django_assert_max_num_queries: Any
) -> None:
    webhooks = WebhookFactory.create_batch(count)
    for webhook in webhooks:
        delivered(webhook, timezone.now())
    tally.recount()
    with django_assert_max_num_queries(3):
        days = figures.last_day(webhooks)
    assert [day.delivered for day in days.values()] == [1] * count


def test_webhooks_can_be_sorted_by_what_failed_in_the_last_day(webhook: Webhook) -> None:
    worst, good = WebhookFactory.create_batch(2)
    for state in FAILED:
        delivered(worst, timezone.now(), state=state)
    delivered(worst, ago(hours=30), state=State.FAILED)
    delivered(webhook, timezone.now(), state=State.FAILED)
    delivered(good, timezone.now())
    tally.recount()
    found = figures.with_failures(Webhook.objects.all()).order_by(F("failed_last_day").desc())
    failed = {row.pk: vars(row)["failed_last_day"] for row in found}
    assert list(failed.items()) == [(worst.pk, len(FAILED)), (webhook.pk, 1), (good.pk, 0)]
    days = figures.last_day(list(found))
    assert {pk: day.failed for pk, day in days.items()} == failed


# --- A period ------------------------------------------------------------------------------


@pytest.mark.parametrize("days", intervals.DAYS)
def test_the_parts_and_the_bars_add_up_and_agree_with_the_rows(webhook: Webhook, days: int) -> None:
    now = timezone.now()
    for hours in (0, 5, 20):
        one_of_each(webhook, now - dt.timedelta(hours=hours))
    one_of_each(WebhookFactory(), now)
    tally.recount()
    period = figures.of_period(webhook, days, now, zoneinfo.ZoneInfo("Asia/Singapore"))
    found = metrics.of(webhook.deliveries.all())
    assert (period.delivered, period.failed) == (found.delivered, found.failed) == (3, 12)
    assert (period.retrying, period.pending) == (found.retrying, found.pending) == (6, 6)
    assert period.total == found.total == sum(bar.total for bar in period.bars)
    assert period.average_ms == pytest.approx(100)
    assert period.p95_ms == pytest.approx(100, rel=0.1)


def test_a_bar_has_what_came_in_from_its_start_to_the_next(webhook: Webhook) -> None:
    now = timezone.now()
    period = figures.of_period(webhook, 7, now, dt.UTC)
    starts = [bar.start for bar in period.bars]
    delivered(webhook, starts[10], duration_ms=197)
    delivered(webhook, starts[11] - dt.timedelta(microseconds=1), state=State.FAILED)
    delivered(webhook, starts[11], duration_ms=797)
    delivered(webhook, starts[0] - dt.timedelta(microseconds=1))
    tally.recount()
    period = figures.of_period(webhook, 7, now, dt.UTC)
    assert (period.bars[10].delivered, period.bars[10].failed) == (1, 1)
    assert (period.bars[11].delivered, period.total) == (1, 3)
    assert period.times[10][0] == starts[10]
    for time_ms in period.times[10][1:]:
        assert time_ms == pytest.approx(200, rel=0.1)
    assert period.times[11][1] == pytest.approx(800, rel=0.1)
    assert period.times[12][1:] == (None, None)
    assert period.average_ms == pytest.approx(500)


def test_attempts_are_told_by_status_the_most_first(webhook: Webhook) -> None:
    delivery = delivered(webhook, timezone.now(), sla_breached_at=timezone.now())
    for status in (503, None, 200, 503, None, 503):
        attempt(delivery, status, "" if status else "timeout")
    attempt(delivered(webhook, timezone.now(), event__is_test=True), 418)
    tally.recount()
    period = figures.of_period(webhook, 1, timezone.now(), dt.UTC)
    assert period.statuses == [(503, 3), (None, 2), (200, 1)]
    assert period.sla_breaches == 1


def test_what_a_queue_acknowledged_is_told_apart_from_no_response(webhook: Webhook) -> None:
    delivery = delivered(webhook, timezone.now())
    for error in ("", "unavailable", "timeout", "", "not_found", ""):
        attempt(delivery, None, error)
    tally.recount()
    period = figures.of_period(webhook, 1, timezone.now(), dt.UTC)
    counted = [(figures.ACKNOWLEDGED, 3), (figures.REFUSED, 2), (None, 1)]
    assert period.statuses == counted
    bars = charts.statuses(period, 1).bars
    assert [(bar.word, bar.tone) for bar in bars] == [
        ("acknowledged", "c-ok"),
        ("refused", "c-failing"),
        ("no response", "c-off"),
    ]


def test_shards_are_added_up(webhook: Webhook) -> None:
    hour = intervals.hour_of(timezone.now())
    for shard in range(3):
        for what in ("delivered", "t20", "s200", "sla", "failed"):
            Tally.objects.create(
                webhook=webhook,
                hour=hour,
                what=what,
                shard=shard,
                count=2,
                total_ms=100 if what == "delivered" else 0,
            )
    period = figures.of_period(webhook, 1, timezone.now(), dt.UTC)
    assert (period.delivered, period.failed, period.sla_breaches) == (6, 6, 6)
    assert (period.statuses, period.average_ms) == ([(200, 6)], 50)
    day = figures.last_day([webhook])[webhook.pk]
    assert (day.delivered, day.failed, day.sla_breaches) == (6, 6, 6)
    assert vars(figures.with_failures(Webhook.objects.all()).get())["failed_last_day"] == 6


def test_a_period_without_deliveries_is_told_too(webhook: Webhook) -> None:
    period = figures.of_period(webhook, 30, timezone.now(), dt.UTC)
    assert (period.total, period.average_ms, period.p95_ms) == (0, None, None)
    assert (period.statuses, period.sla_breaches, len(period.bars)) == ([], 0, 60)


def test_a_period_takes_one_query(webhook: Webhook, django_assert_num_queries: Any) -> None:
    one_of_each(webhook, timezone.now())
    tally.recount()
    with django_assert_num_queries(1):
        figures.of_period(webhook, 30, timezone.now(), dt.UTC)


# --- Where bars begin ----------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("days", "count", "hours"), [(1, 24, 1), (3, 24, 3), (7, 56, 3), (15, 60, 6), (30, 60, 12)]
)
def test_a_period_has_whole_bars_the_last_of_which_has_begun(
    zone: str, days: int, count: int, hours: int
) -> None:
    for minutes in range(0, 24 * 60, 97):
        now = NOON + dt.timedelta(minutes=minutes)
        starts = intervals.starts(days, now, zoneinfo.ZoneInfo(zone))
        assert len(starts) == count
        assert starts[-1] <= now < starts[-1] + dt.timedelta(hours=hours)
        assert {later - start for start, later in pairwise(starts)} <= {
            dt.timedelta(hours=hours + change) for change in (-1, 0, 1)
        }
        assert all(start == intervals.hour_of(start) for start in starts)


def test_bars_begin_at_noon_and_midnight_of_the_zone() -> None:
    zone = zoneinfo.ZoneInfo("Asia/Singapore")
    starts = intervals.starts(30, NOON, zone)
    assert {start.astimezone(zone).hour for start in starts} == {0, 12}


def test_where_hours_are_not_those_of_utc_a_bar_begins_with_the_first_whole_one() -> None:
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    starts = intervals.starts(30, NOON, zone)
    assert {start.astimezone(zone).strftime("%H:%M") for start in starts} == {"00:30", "12:30"}


def test_bars_stay_at_the_hours_of_the_zone_when_its_clocks_change() -> None:
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    after_the_change = dt.datetime(2026, 10, 28, 12, tzinfo=dt.UTC)
    starts = intervals.starts(15, after_the_change, zone)
    assert {start.astimezone(zone).hour for start in starts} == {0, 6, 12, 18}
    assert len(starts) == 60
