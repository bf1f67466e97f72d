"""How the deliveries of a webhook went, in numbers."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Case, Count, Q, QuerySet, Sum, Value, When

from delivery import tally
from delivery.intervals import HOUR, hour_of
from delivery.models import FAILED, WAITING, Delivery, State
from delivery.tally import DELIVERY_TIME
from webhooks.models import Webhook

SENT_BEFORE = Q(attempts__gt=1)
IS = {
    "delivered": Q(state=State.DELIVERED),
    "failed": Q(state__in=FAILED),
    "retrying": Q(state=State.RETRYING) | Q(SENT_BEFORE, state=State.IN_FLIGHT),
    "pending": Q(state=State.PENDING) | Q(~SENT_BEFORE, state=State.IN_FLIGHT),
}


@dataclass(frozen=True)
class Metrics:
    """Numbers of events; the four parts add up to `total`.

    `failed` are all that ended without success: refused, expired, blocked, quarantined. What is
    in flight is pending at its first attempt, retrying afterwards. Cancelled deliveries and
    those of test events are in no number.
    `average_delivery_ms` is the mean time from the delivery's creation (with its event's, or by
    a replay) to its success; None when nothing was delivered.
    """

    delivered: int
    failed: int
    retrying: int
    pending: int
    average_delivery_ms: float | None

    @property
    def total(self) -> int:
        return self.delivered + self.failed + self.retrying + self.pending


def of(deliveries: QuerySet[Delivery]) -> Metrics:
    """Of these rows, in one query."""
    numbers = tally.of_real_events(deliveries.order_by()).aggregate(
        **{name: Count("pk", filter=condition) for name, condition in IS.items()},
        average=Avg(DELIVERY_TIME, filter=IS["delivered"]),
    )
    mean: dt.timedelta | None = numbers.pop("average")
    return Metrics(
        **numbers, average_delivery_ms=None if mean is None else mean / dt.timedelta(milliseconds=1)
    )


def of_webhook(webhook: Webhook, start: dt.datetime, end: dt.datetime | None) -> Metrics:
    """Of events that came in from `start` on, and before `end` if there is one.

    What `of` finds among the rows that no later replay stands for, in one query too: the hours
    that lie within are tallied, the rows of the others are few.
    """
    rows = tally.countable(Delivery.objects.filter(webhook=webhook, ingested_at__gte=start))
    tallies = webhook.tallies.filter(what__in=tally.COUNTED)
    first = hour_of(start) if hour_of(start) == start else hour_of(start) + HOUR
    outside = [rows.filter(ingested_at__lt=first)]
    tallies = tallies.filter(hour__gte=first)
    if end is not None:
        rows = rows.filter(ingested_at__lt=end)
        last = hour_of(end)
        if last < first:
            outside = [rows]
        else:
            outside.append(rows.filter(ingested_at__gte=last))
        tallies = tallies.filter(hour__lt=last)
    counted = tallies.order_by().values_list("what")
    parts = [
        counted.annotate(count=Sum("count"), ms=Sum("total_ms")),
        *(_ended(part) for part in outside),
        *under_way(rows),
    ]
    return _metrics(parts[0].union(*parts[1:], all=True))


def under_way(
    deliveries: QuerySet[Delivery], *by: str
) -> list[QuerySet[Delivery, tuple[Any, ...]]]:
    """Queries of (`by`…, what, count, 0.0) of those that have not ended, as tallies have it of the
    others: `what` is "retrying" or "pending".

    Apart by what the rows wait for: each has its index.
    """
    what = Case(When(IS["retrying"], then=Value("retrying")), default=Value("pending"))
    named = deliveries.order_by().annotate(what=what).values_list(*by, "what")
    counted = named.annotate(count=Count("pk"), ms=Value(0.0))
    return [counted.filter(state__in=WAITING), counted.filter(state=State.IN_FLIGHT)]


def _ended(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery, tuple[str, int, float]]:
    ended = deliveries.order_by().filter(state__in=tally.COUNTED)
    return ended.values_list("state").annotate(count=Count("pk"), ms=tally.TOTAL_MS)


def _metrics(counted: Iterable[tuple[str, int, float]]) -> Metrics:
    numbers = dict.fromkeys(IS, 0)
    total_ms = 0.0
    for what, count, milliseconds in counted:
        numbers["failed" if what in FAILED else what] += count
        if what == State.DELIVERED:
            total_ms += milliseconds
    delivered = numbers["delivered"]
    # Times are known to the microsecond.
    average = round(total_ms / delivered, 3) if delivered else None
    return Metrics(**numbers, average_delivery_ms=average)
