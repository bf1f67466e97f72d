"""Counts what became of deliveries, for each webhook and hour: pages can not read all rows.

The hour is the one (of UTC) in which the event came in. Counted are, as `what`:

- by its name each state that a delivery ended in, `delivered` with the sum of the delivery times;
- `t0`, `t1`, …: the delivered ones by the bucket of `delivery.histogram` that their time is in;
- `sla`: deliveries whose breach is noted, whatever became of them afterwards;
- `s200`, `s503`, …: attempts by the status of the response; `s+` those that a queue acknowledged,
  which has no status, `s!` those that one refused, `s-` those without any response.

Cancelled deliveries count in no state, and those that a later replay stands for neither: whoever
makes a replay locks the delivery, and takes back with a `Change` what was counted for it. Test
events count nowhere.
"""

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.db import connection, transaction
from django.db.models import (
    Case,
    CharField,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, TruncHour

from delivery.histogram import BOUNDS_US, bucket, position
from delivery.log import newest
from delivery.models import FAILED, Delivery, State, Tally
from delivery.transport.result import ANSWERS
from events.models import Event
from organizations.database import is_postgresql

COUNTED = (State.DELIVERED, *FAILED)
BREACH = "sla"
ACKNOWLEDGED = "s+"
REFUSED = "s!"
NO_RESPONSE = "s-"
# From its creation (with its event's, or by a replay) to its success.
DELIVERY_TIME = ExpressionWrapper(F("finished_at") - F("created_at"), output_field=DurationField())
MICROSECOND = dt.timedelta(microseconds=1)

SHARDS = 8
# That of everybody who does not write for every delivery. In a transaction it comes after the
# others: tallies are locked in the same order everywhere, so that nobody waits in a circle.
LAST_SHARD = SHARDS
ROWS_OF_STATEMENT = 500

_ADD = """
INSERT INTO delivery_tally (webhook_id, hour, what, shard, count, total_ms) VALUES {rows}
ON CONFLICT (webhook_id, hour, what, shard) DO UPDATE
SET count = delivery_tally.count + excluded.count,
    total_ms = delivery_tally.total_ms + excluded.total_ms
"""
_RECOUNT = """
INSERT INTO delivery_tally (webhook_id, hour, what, count, total_ms, shard)
SELECT counted.*, {shard} FROM ({query}) AS counted
"""


def own_shard() -> int:
    """That of this process, for the outcomes it writes."""
    return os.getpid() % SHARDS


def time_bucket(time: dt.timedelta) -> str:
    return f"t{bucket(time // MICROSECOND)}"


def status(code: int | None, error: str) -> str:
    """Of an attempt; without a status and an error it was acknowledged by a queue."""
    if code is None:
        return (REFUSED if error in ANSWERS else NO_RESPONSE) if error else ACKNOWLEDGED
    return f"s{code}"


class Change:
    """What is to be added to tallies, gathered and written together."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, dt.datetime, str], int] = defaultdict(int)
        self._total_ms: dict[tuple[int, dt.datetime, str], float] = defaultdict(float)

    def add(self, webhook_id: int, hour: dt.datetime, what: str, count: int = 1) -> None:
        """`what` as this module tells; a negative count takes back."""
        self._counts[webhook_id, hour, what] += count

    def add_ended(self, delivery: Delivery, hour: dt.datetime, count: int = 1) -> None:
        """A delivery in the state that it ended in; nothing when that state is not counted."""
        if delivery.state not in COUNTED:
            return
        self.add(delivery.webhook_id, hour, str(delivery.state), count)
        if delivery.state == State.DELIVERED and delivery.finished_at is not None:
            time = delivery.finished_at - delivery.created_at
            self.add(delivery.webhook_id, hour, time_bucket(time), count)
            milliseconds = time / dt.timedelta(milliseconds=1)
            self._total_ms[delivery.webhook_id, hour, State.DELIVERED.value] += count * milliseconds

    def add_all(self, deliveries: QuerySet[Delivery], what: str) -> None:
        """Each of them once, counted by the database."""
        rows = deliveries.order_by().annotate(hour=HOUR).values_list("webhook_id", "hour")
        for webhook_id, hour, count in rows.annotate(count=Count("pk")):
            self.add(webhook_id, hour, what, count)

    def write(self, shard: int = LAST_SHARD) -> None:
        """In the transaction that changes the deliveries, once, and as its last lock but health."""
        rows = [
            (key[0], _as_stored(key[1]), key[2], shard, count, self._total_ms.get(key, 0.0))
            for key, count in sorted(self._counts.items())
            if count or self._total_ms.get(key)
        ]
        with connection.cursor() as cursor:
            for first in range(0, len(rows), ROWS_OF_STATEMENT):
                part = rows[first : first + ROWS_OF_STATEMENT]
                sql = _ADD.format(rows=", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(part)))
                cursor.execute(sql, [value for row in part for value in row])


def _as_stored(hour: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(hour)


def of_real_events(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Without those of test events."""
    return deliveries.filter(~Exists(Event.objects.filter(pk=OuterRef("event"), is_test=True)))


def countable(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those whose state counts, once it is a counted one."""
    return of_real_events(newest(deliveries))


# --- Counting again ------------------------------------------------------------------------


class _Milliseconds(Func):
    """Of an interval."""

    output_field = FloatField()
    template = "(EXTRACT(EPOCH FROM %(expressions)s) * 1000)"

    def as_sqlite(self, compiler, connection, **options):  # type: ignore[no-untyped-def]
        options["template"] = "(%(expressions)s / 1000.0)"  # microseconds there
        return self.as_sql(compiler, connection, **options)


HOUR = TruncHour("ingested_at", tzinfo=dt.UTC)
_BUCKET = position("time", [dt.timedelta(microseconds=bound) for bound in BOUNDS_US])
# Of the delivered ones among a group of deliveries.
TOTAL_MS = Coalesce(_Milliseconds(Sum(DELIVERY_TIME, filter=Q(state=State.DELIVERED))), 0.0)
_NO_TIME = Value(0.0)


def recount(webhook_ids: Collection[int] | None = None) -> None:
    """Make the tallies (of these webhooks, None: of all) anew from the rows.

    Whoever changes deliveries meanwhile waits for the end of it before he counts.
    """
    deliveries = Delivery.objects.order_by()
    tallies = Tally.objects.all()
    if webhook_ids is not None:
        deliveries = deliveries.filter(webhook__in=webhook_ids)
        tallies = tallies.filter(webhook__in=webhook_ids)
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgresql():
            # What is uncommitted now was counted by its writer or will be: he has the table.
            cursor.execute("LOCK TABLE delivery_tally IN SHARE ROW EXCLUSIVE MODE")
        tallies.delete()
        for rows in _counts(deliveries):
            query, parameters = rows.query.sql_with_params()
            cursor.execute(_RECOUNT.format(query=query, shard=LAST_SHARD), parameters)


def _counts(deliveries: QuerySet[Delivery]) -> list[QuerySet[Delivery, tuple[object, ...]]]:
    """Queries of (webhook, hour, what, count, total_ms), no row of which comes twice."""
    of_hours = deliveries.annotate(hour=HOUR)
    ended = countable(of_hours.filter(state__in=COUNTED))
    delivered = ended.filter(state=State.DELIVERED).annotate(time=DELIVERY_TIME)
    breached = of_real_events(of_hours.exclude(sla_breached_at=None))
    tried = of_real_events(of_hours.filter(attempt_log__isnull=False))
    without = Case(
        When(attempt_log__error="", then=Value("+")),
        When(attempt_log__error__in=ANSWERS, then=Value("!")),
        default=Value("-"),
    )
    code = Coalesce(Cast("attempt_log__status", CharField()), without)
    return [
        _grouped(ended, Cast("state", CharField()), TOTAL_MS),
        _grouped(delivered, Concat(Value("t"), Cast(_BUCKET, CharField()))),
        _grouped(breached, Value(BREACH)),
        _grouped(tried, Concat(Value("s"), code)),
    ]


def _grouped(
    deliveries: QuerySet[Delivery], what: Combinable, total_ms: Combinable = _NO_TIME
) -> QuerySet[Delivery, tuple[object, ...]]:
    named = deliveries.annotate(what=what).values_list("webhook_id", "hour", "what")
    return named.annotate(count=Count("pk"), total_ms=total_ms)
