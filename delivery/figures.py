"""What the pages tell of webhooks in numbers, each in a fixed number of queries.

They are read from the tallies, to which what is under way is counted. Failed, retrying, pending
and the delivery time mean what they mean in delivery.metrics; cancelled deliveries and those of
test events are in no number. A delivery belongs to the hour in which its event came in.
"""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.db.models import (
    BigIntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from delivery import histogram, intervals, metrics, tally
from delivery.models import FAILED, WAITING, Delivery, State, Tally
from organizations.database import fetch
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

    def add(self, what: str, count: int) -> None:
        """`what` is a counted state, "retrying" or "pending"."""
        name = "failed" if what in FAILED else what
        setattr(self, name, getattr(self, name) + count)


ACKNOWLEDGED: Literal["acknowledged"] = "acknowledged"
REFUSED: Literal["refused"] = "refused"
Status = int | Literal["acknowledged", "refused"] | None


@dataclass
class Period:
    """A webhook's last days. Times are UTC; the last bar is the one of now, and not over yet.

    `times` are (start, p50, p95) of each bar in ms, None where nothing was delivered. `statuses`
    are how many attempts ended with each HTTP status (None: no response; a queue's acknowledgement
    and refusal have none and count as ACKNOWLEDGED and REFUSED), the most first.
    """

    bars: list[Bar]
    times: list[tuple[dt.datetime, float | None, float | None]]
    statuses: list[tuple[Status, int]]
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
    hours = intervals.last_hours(HOURS_OF_DAY, timezone.now())
    days = {webhook.pk: Day() for webhook in webhooks}
    tallies = Tally.objects.filter(webhook__in=days, hour__gte=hours[0]).order_by()
    ended = tallies.filter(what__in=(*tally.COUNTED, tally.BREACH))
    for webhook_id, hour, what, count in ended.values_list("webhook_id", "hour", "what", "count"):
        _add_to_day(days[webhook_id], bisect_right(hours, hour) - 1, what, count)
    times: dict[int, Counter[int]] = defaultdict(Counter)
    timed = tallies.filter(what__startswith="t").values_list("webhook_id", "what")
    for webhook_id, what, count in timed.annotate(sum=Sum("count")):
        times[webhook_id][_bucket(what)] += count
    for webhook_id, counts in times.items():
        days[webhook_id].p95_ms = histogram.percentile_ms(counts, 0.95)
    for webhook_id, waiting, is_retrying in _waiting(days):
        days[webhook_id].waiting = min(waiting, MOST_WAITING)
        days[webhook_id].has_more_waiting = waiting > MOST_WAITING
        days[webhook_id].is_retrying = bool(is_retrying)
    return days


def _add_to_day(day: Day, hour: int, what: str, count: int) -> None:
    delivered, failed = day.hours[hour]
    if what == tally.BREACH:
        day.sla_breaches += count
    elif what == State.DELIVERED:
        day.hours[hour] = (delivered + count, failed)
    else:
        day.hours[hour] = (delivered, failed + count)


def _waiting(webhook_ids: Iterable[int]) -> list[tuple[int, int, bool | int]]:
    """How many deliveries wait for each webhook, and whether one of them was tried already.

    Of too many, one more than MOST_WAITING: so the index of what is due is read for no longer
    than that, however many there are.
    """
    ids = list(webhook_ids)
    if not ids:
        return []
    states = ", ".join(f"'{state.value}'" for state in WAITING)  # as the partial index has them
    sql = f"""
    SELECT w.id, (SELECT count(*) FROM (
        SELECT 1 FROM delivery_delivery AS d WHERE d.webhook_id = w.id AND d.state IN ({states})
        LIMIT {MOST_WAITING + 1}) AS first_ones), EXISTS (
        SELECT 1 FROM delivery_delivery AS d WHERE d.webhook_id = w.id
        AND d.state = '{State.RETRYING.value}')
    FROM webhooks_webhook AS w WHERE w.id IN ({", ".join(["%s"] * len(ids))})
    """  # noqa: S608  of constants
    return fetch(sql, ids)


def with_failures(webhooks: QuerySet[Webhook]) -> QuerySet[Webhook]:
    """With `failed_last_day`, the number that `last_day` has as `failed`."""
    since = intervals.last_hours(HOURS_OF_DAY, timezone.now())[0]
    failed = Tally.objects.filter(webhook=OuterRef("pk"), hour__gte=since, what__in=FAILED)
    total = failed.order_by().values("webhook").annotate(sum=Sum("count")).values("sum")
    return webhooks.annotate(
        failed_last_day=Coalesce(Subquery(total, output_field=BigIntegerField()), 0)
    )


def of_period(webhook: Webhook, days: int, now: dt.datetime, zone: dt.tzinfo) -> Period:
    """`days` is one of intervals.DAYS. Bars begin at round hours of the zone."""
    starts = intervals.starts(days, now, zone)
    bars = [Bar(start) for start in starts]
    times: list[Counter[int]] = [Counter() for _ in starts]
    statuses: Counter[Status] = Counter()
    total_ms, breaches = 0.0, 0
    for position, what, count, milliseconds in _counted(webhook, starts):
        number = position - 1
        if what == tally.BREACH:
            breaches += count
        elif what.startswith("t"):
            times[number][_bucket(what)] += count
        elif what.startswith("s"):
            statuses[_status(what)] += count
        else:
            bars[number].add(what, count)
            total_ms += milliseconds
    delivered = sum(bar.delivered for bar in bars)
    return Period(
        bars=bars,
        times=[(start, *_p50_p95(counts)) for start, counts in zip(starts, times, strict=True)],
        statuses=sorted(statuses.items(), key=lambda row: (-row[1], order(row[0]))),
        average_ms=total_ms / delivered if delivered else None,
        p95_ms=_p50_p95(sum(times, Counter()))[1],
        sla_breaches=breaches,
    )


def _counted(
    webhook: Webhook, starts: list[dt.datetime]
) -> QuerySet[Tally, tuple[int, str, int, float]]:
    """(number of the bar from 1, what, count, total_ms), of one moment: between two queries a
    delivery could end."""
    tallies = webhook.tallies.filter(hour__gte=starts[0]).order_by()
    tallied = tallies.annotate(bar=histogram.position("hour", starts)).values_list("bar", "what")
    rows = tally.countable(Delivery.objects.filter(webhook=webhook, ingested_at__gte=starts[0]))
    barred = rows.annotate(bar=histogram.position("ingested_at", starts))
    ended = tallied.annotate(number=Sum("count"), ms=Sum("total_ms"))
    return ended.union(*metrics.under_way(barred, "bar"), all=True)


def _status(what: str) -> Status:
    if what == tally.NO_RESPONSE:
        return None
    if what == tally.REFUSED:
        return REFUSED
    return ACKNOWLEDGED if what == tally.ACKNOWLEDGED else int(what[1:])


def order(status: Status) -> int:
    """What a queue acknowledged first, then by number, refused, and what had no response."""
    if status is None:
        return 1_001
    if isinstance(status, str):
        return 0 if status == ACKNOWLEDGED else 1_000
    return status


def _bucket(what: str) -> int:
    return int(what[1:])


def _p50_p95(counts: Counter[int]) -> tuple[float | None, float | None]:
    return histogram.percentile_ms(counts, 0.5), histogram.percentile_ms(counts, 0.95)
