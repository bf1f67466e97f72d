"""What the pages tell of webhooks in numbers, each in a fixed number of queries.

Failed, retrying, pending and the delivery time mean what they mean in delivery.metrics; cancelled
deliveries and those of test events are in no number. A delivery belongs to the hour in which its
event came in.
"""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from delivery import histogram, intervals
from delivery.models import FAILED, Attempt, Delivery, State
from webhooks.models import Webhook

HOURS_OF_DAY = 24
MOST_WAITING = 1_000


@dataclass
class Day:
    """A webhook's last 24 hours, the present one included.

    `hours` are (delivered, failed), the oldest first. `p95_ms` is None when nothing was
    delivered. `waiting` are the rows that are pending or retrying now, whenever they came in;
    when `has_more_waiting` it is MOST_WAITING and there are more. `is_retrying` tells whether
    one of them was tried already.
    """

    hours: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * HOURS_OF_DAY)
    p95_ms: float | None = None
    sla_breaches: int = 0
    waiting: int = 0
    has_more_waiting: bool = False
    is_retrying: bool = False

    @property
    def delivered(self) -> int:
        return sum(delivered for delivered, _ in self.hours)

    @property
    def failed(self) -> int:
        return sum(failed for _, failed in self.hours)


@dataclass
class Bar:
    start: dt.datetime
    delivered: int = 0
    failed: int = 0
    retrying: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        return self.delivered + self.failed + self.retrying + self.pending


@dataclass
class Period:
    """A webhook's last days. Times are UTC; the last bar is the one of now, and not over yet.

    `times` are (start, p50, p95) of each bar in ms, None where nothing was delivered. `statuses`
    are how many attempts ended with each HTTP status (None: no response), the most first.
    """

    bars: list[Bar]
    times: list[tuple[dt.datetime, float | None, float | None]]
    statuses: list[tuple[int | None, int]]
    average_ms: float | None
    p95_ms: float | None
    sla_breaches: int

    @property
    def start(self) -> dt.datetime:
        return self.bars[0].start

    @property
    def delivered(self) -> int:
        return sum(bar.delivered for bar in self.bars)

    @property
    def failed(self) -> int:
        return sum(bar.failed for bar in self.bars)

    @property
    def retrying(self) -> int:
        return sum(bar.retrying for bar in self.bars)

    @property
    def pending(self) -> int:
        return sum(bar.pending for bar in self.bars)

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)


def last_day(webhooks: Sequence[Webhook]) -> dict[int, Day]:
    """By the id of each of the webhooks."""
    now = timezone.now()
    hours = intervals.last_hours(HOURS_OF_DAY, now)
    days = {webhook.pk: Day() for webhook in webhooks}
    times: dict[int, Counter[int]] = defaultdict(Counter)
    rows = Delivery.objects.filter(webhook__in=days, ingested_at__gte=hours[0])
    for row in rows.exclude(event__is_test=True):
        day = days[row.webhook_id]
        hour = bisect_right(hours, row.ingested_at) - 1
        delivered, failed = day.hours[hour]
        if row.state == State.DELIVERED:
            day.hours[hour] = (delivered + 1, failed)
            times[row.webhook_id][_bucket(row)] += 1
        elif row.state in FAILED:
            day.hours[hour] = (delivered, failed + 1)
        day.sla_breaches += row.sla_breached_at is not None
    for webhook_id, counts in times.items():
        days[webhook_id].p95_ms = histogram.percentile_ms(counts, 0.95)
    waiting = Delivery.objects.filter(webhook__in=days, state__in=("pending", "retrying"))
    for found in waiting.order_by().values("webhook").annotate(count=Count("pk")):
        day = days[found["webhook"]]
        day.has_more_waiting = found["count"] > MOST_WAITING
        day.waiting = min(found["count"], MOST_WAITING)
    retrying = Delivery.objects.filter(webhook__in=days, state=State.RETRYING)
    for webhook_id in retrying.order_by().values_list("webhook", flat=True).distinct():
        days[webhook_id].is_retrying = True
    return days


def with_failures(webhooks: QuerySet[Webhook]) -> QuerySet[Webhook]:
    """With `failed_last_day`, the number that `last_day` has as `failed`."""
    since = intervals.last_hours(HOURS_OF_DAY, timezone.now())[0]
    failed = Delivery.objects.filter(
        webhook=OuterRef("pk"), ingested_at__gte=since, state__in=FAILED, event__is_test=False
    )
    count = failed.order_by().values("webhook").annotate(count=Count("pk")).values("count")
    return webhooks.annotate(
        failed_last_day=Coalesce(Subquery(count, output_field=IntegerField()), 0)
    )


def of_period(webhook: Webhook, days: int, now: dt.datetime, zone: dt.tzinfo) -> Period:
    """`days` is one of intervals.DAYS. Bars begin at round hours of the zone."""
    starts = intervals.starts(days, now, zone)
    bars = [Bar(start) for start in starts]
    times: list[Counter[int]] = [Counter() for _ in starts]
    total_ms, breaches = 0.0, 0
    rows = Delivery.objects.filter(webhook=webhook, ingested_at__gte=starts[0])
    for row in rows.exclude(event__is_test=True):
        number = bisect_right(starts, row.ingested_at) - 1
        bar = bars[number]
        breaches += row.sla_breached_at is not None
        if row.state == State.DELIVERED:
            bar.delivered += 1
            times[number][_bucket(row)] += 1
            total_ms += ((row.finished_at or row.created_at) - row.created_at) / dt.timedelta(
                milliseconds=1
            )
        elif row.state in FAILED:
            bar.failed += 1
        elif row.state == State.RETRYING or (row.state == State.IN_FLIGHT and row.attempts > 1):
            bar.retrying += 1
        elif row.state in (State.PENDING, State.IN_FLIGHT):
            bar.pending += 1
    delivered = sum(bar.delivered for bar in bars)
    return Period(
        bars=bars,
        times=[(start, *_p50_p95(counts)) for start, counts in zip(starts, times, strict=True)],
        statuses=_statuses(webhook, starts[0]),
        average_ms=total_ms / delivered if delivered else None,
        p95_ms=_p50_p95(sum(times, Counter()))[1],
        sla_breaches=breaches,
    )


def _bucket(row: Delivery) -> int:
    finished_at = row.finished_at or row.created_at
    return histogram.bucket((finished_at - row.created_at) // dt.timedelta(microseconds=1))


def _p50_p95(counts: Counter[int]) -> tuple[float | None, float | None]:
    return histogram.percentile_ms(counts, 0.5), histogram.percentile_ms(counts, 0.95)


def _statuses(webhook: Webhook, since: dt.datetime) -> list[tuple[int | None, int]]:
    attempts = Attempt.objects.filter(
        Q(delivery__event__is_test=False),
        delivery__webhook=webhook,
        delivery__ingested_at__gte=since,
    )
    counted = attempts.order_by().values_list("status").annotate(count=Count("pk"))
    return _most_first(counted.order_by(F("count").desc()))


def _most_first(counted: Iterable[tuple[int | None, int]]) -> list[tuple[int | None, int]]:
    return sorted(counted, key=lambda row: (-row[1], row[0] is None, row[0] or 0))
