"""Once a second, one worker looks at the rows: the path for everything that went wrong.

Leases of lost workers, lost messages, an emptied Redis, replays that are due, deliveries that
expire, SLAs that pass: no process has to survive for any of these.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Now

from delivery import tally
from delivery.alerts import operational, telling
from delivery.engine import health, retention, spread
from delivery.engine.clock import Reading, database_now
from delivery.engine.failpoints import failpoint
from delivery.engine.record import REFUSED
from delivery.models import UNSUCCESSFUL, WAITING, Delivery, State, SweepLeader
from delivery.replay.making import Maker
from events import frequency
from webhooks.models import Webhook

log = structlog.get_logger(__name__)

EVERY_S = 1.0
BATCH = 5_000
MOST_WOKEN = 1_000
# Three times while sending it: the first loss proves nothing, the row may have waited behind others
# of its claim. From then on it is a suspect, and sent as soon as it is claimed.
LOST_LEASES_TO_QUARANTINE = 1 + 3
CLOCK_JUMP_S = 60.0
CLOCK_DISTRUST_S = 900.0


@dataclass
class ClockGuard:
    """Notices that the database's clock jumped: then nothing expires, until it has been steady.

    A wrong clock must not end a day's deliveries; a right one that was corrected, or a machine
    that slept, is believed again after CLOCK_DISTRUST_S.
    """

    last: Reading | None = None
    distrust_until_s: float = 0.0

    def trusts(self, now: Reading) -> bool:
        if self.last is not None:
            jump_s = (now.moment - self.last.moment).total_seconds() - (
                now.monotonic_s - self.last.monotonic_s
            )
            if abs(jump_s) > CLOCK_JUMP_S:
                self.distrust_until_s = now.monotonic_s + CLOCK_DISTRUST_S
                log.error("database_clock_jumped", seconds=round(jump_s))
        self.last = now
        return now.monotonic_s >= self.distrust_until_s


class Sweep:
    """The sweeps of one process. `wake(webhook_ids)` is told which have due rows.

    `tell_alerts()` is called when there are mails to send; it must not wait for them.
    """

    def __init__(
        self,
        holder: str,
        wake: Callable[[Sequence[int]], None],
        tell_alerts: Callable[[], None] = lambda: None,
    ) -> None:
        self._holder = holder
        self._wake = wake
        self._tell_alerts = tell_alerts
        self._clock = ClockGuard()
        self._replays = Maker()

    def run(self) -> bool:
        """One pass, if no other process made one within EVERY_S. Whether it was made."""
        reading = Reading.at(database_now())
        trusted = self._clock.trusts(reading)
        if not elect(self._holder, reading.moment):
            return False
        end_lost_leases()
        mark_sla_breaches()
        if trusted:
            self._replays.run()
        self._wake(due_webhooks())
        failpoint("in_sweep")
        if trusted:
            expire()
            retention.clean_up(reading.moment)
            frequency.advance(reading.moment)
            health.deactivate_those_failing_for(settings.DEACTIVATE_AFTER_DAYS)
            health.tell_of_calm()
        cancel_of_deleted_webhooks()
        spread.spread_after_recovery()
        if telling.is_due():
            self._tell_alerts()
        operational.publish()
        failpoint("after_sweep")
        return True


def elect(holder: str, now: dt.datetime) -> bool:
    """Whether `holder` makes this second's pass. Two at once would do no harm, only work."""
    until = now + dt.timedelta(seconds=EVERY_S * 0.9)
    taken = SweepLeader.objects.filter(id=1).filter(
        # A row of the far future was left behind by a clock that was wrong.
        Q(until__lte=now) | Q(until__gt=now + dt.timedelta(minutes=1))
    )
    if taken.update(holder=holder, until=until):
        return True
    if SweepLeader.objects.filter(id=1).exists():
        return False
    try:
        with transaction.atomic():
            SweepLeader.objects.create(id=1, holder=holder, until=until)
    except IntegrityError:
        return False
    return True


def _in_batches(rows: QuerySet[Delivery], change: Callable[[QuerySet[Delivery]], int]) -> int:
    """Apply `change` to the rows, BATCH at a time, each in a short transaction.

    `rows` must not contain a row any more once it is changed. Answers how many were changed.
    """
    total = 0
    while True:
        with transaction.atomic():
            locked = rows.order_by().select_for_update(skip_locked=True)
            ids = list(locked.values_list("id", flat=True)[:BATCH])
            total += change(Delivery.objects.filter(id__in=ids)) if ids else 0
        if len(ids) < BATCH:
            return total


def _count(rows: QuerySet[Delivery], what: str) -> None:
    """Tally rows that are about to change, and are locked."""
    counted = tally.Change()
    counted.add_all(rows, what)
    counted.write()


def end_lost_leases() -> int:
    """Make rows of lost workers due; quarantine a row that has lost too many in a row."""
    is_poison = Q(lost_leases__gte=LOST_LEASES_TO_QUARANTINE - 1)

    def change(rows: QuerySet[Delivery]) -> int:
        _count(tally.countable(rows).filter(is_poison), State.QUARANTINED)
        return rows.update(
            state=Case(
                When(is_poison, then=Value(State.QUARANTINED)), default=Value(State.RETRYING)
            ),
            finished_at=Case(When(is_poison, then=Now()), output_field=DateTimeField()),
            next_attempt_at=Case(
                When(is_poison, then=Value(None)), default=Now(), output_field=DateTimeField()
            ),
            lost_leases=F("lost_leases") + 1,
            lease_until=None,
        )

    lost = _in_batches(
        Delivery.objects.filter(state=State.IN_FLIGHT, lease_until__lt=Now()), change
    )
    if lost:
        log.warning("leases_lost", rows=lost)
    return lost


def mark_sla_breaches() -> int:
    """Note the moment at which the SLA passed without success."""

    def change(rows: QuerySet[Delivery]) -> int:
        real = tally.of_real_events(rows)
        late = real.exclude(state__in=REFUSED).order_by().values_list("webhook", flat=True)
        late_ids = set(late.distinct())
        _count(real, tally.BREACH)
        changed = rows.update(sla_breached_at=F("sla_due_at"))
        health.note_late(late_ids)
        return changed

    return _in_batches(
        Delivery.objects.filter(
            sla_breached_at=None, sla_due_at__lte=Now(), state__in=UNSUCCESSFUL
        ),
        change,
    )


def expire() -> int:
    def change(rows: QuerySet[Delivery]) -> int:
        _count(tally.countable(rows), State.EXPIRED)
        return rows.update(state=State.EXPIRED, finished_at=F("expires_at"), next_attempt_at=None)

    return _in_batches(Delivery.objects.filter(state__in=WAITING, expires_at__lte=Now()), change)


def cancel_of_deleted_webhooks() -> int:
    """End what waits for webhooks that can not come back.

    Sealed first: an undo that is under way holds the row's lock, and is waited for.
    """
    Webhook.objects.all().seal_deletions()
    waiting = Delivery.objects.filter(webhook=OuterRef("pk"), state__in=WAITING)
    deleted = Webhook.objects.exclude(deleted_at=None).filter(Exists(waiting), undo_until=None)
    ids = list(deleted.values_list("id", flat=True)[:100])
    if not ids:
        return 0
    return _in_batches(
        Delivery.objects.filter(webhook__in=ids, state__in=WAITING),
        lambda rows: rows.cancel(),  # type: ignore[attr-defined]
    )


def due_webhooks() -> list[int]:
    """Webhooks that may be sent to now and have due rows, the oldest due first.

    Two probes of the index of due rows for each webhook, however many rows wait.
    """

    def oldest(state: State) -> Subquery:
        rows = Delivery.objects.filter(webhook=OuterRef("pk"), state=state)
        first = rows.order_by("next_attempt_at", "id").values("next_attempt_at")[:1]
        return Subquery(first, output_field=DateTimeField())

    closed = Q(health__open_until=None) | Q(health__open_until__lte=Now())
    found = (
        Webhook.objects.deliverable()
        .filter(closed)
        .annotate(pending=oldest(State.PENDING), retrying=oldest(State.RETRYING))
        .filter(Q(pending__lte=Now()) | Q(retrying__lte=Now()))
        .values_list("id", "pending", "retrying")
    )
    rows = sorted(found, key=lambda row: min(moment for moment in row[1:] if moment is not None))
    return [row[0] for row in rows[:MOST_WOKEN]]


def sleep_s(chance: float) -> float:
    """Until the next look, with jitter so that processes do not look together."""
    return EVERY_S * (0.75 + 0.5 * chance)
