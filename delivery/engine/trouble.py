"""When people are told that a webhook is in trouble, and that it is over: pure.

They are told once that it fails (50 failed attempts in a row, of whatever kind), once that its
deliveries are late, once that it was deactivated; and then once that it recovered. For an hour
after that nothing new is told, so that a webhook which comes and goes makes at most two messages
an hour; trouble that lasts beyond the hour is told then. A webhook that is known to fail is not
told to be late as well.

What was late has recovered when it delivered, and nothing was late for a quarter of an hour.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from delivery.engine.circuit import Verdict
from delivery.models import AlertKind

FAILURES_TO_TELL = 50
QUIET = dt.timedelta(hours=1)
CALM = dt.timedelta(minutes=15)
# A late delivery is noted this seldom: the row must not be written for every one.
LATE_NOTED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The columns of `delivery.models.Health` that tell of alerts, as a value."""

    failed_in_a_row: int = 0
    late_at: dt.datetime | None = None
    failing_told_at: dt.datetime | None = None
    deactivated_told_at: dt.datetime | None = None
    sla_told_at: dt.datetime | None = None
    recovered_told_at: dt.datetime | None = None

    @property
    def is_down(self) -> bool:
        """People believe that nothing arrives there."""
        return self.failing_told_at is not None or self.deactivated_told_at is not None

    @property
    def is_clear(self) -> bool:
        """A success changes nothing."""
        return self.failed_in_a_row == 0 and not self.is_down

    def is_quiet(self, now: dt.datetime) -> bool:
        return self.recovered_told_at is not None and now < self.recovered_told_at + QUIET

    def may_note_late(self, now: dt.datetime) -> bool:
        return self.late_at is None or self.late_at <= now - LATE_NOTED_EVERY


@dataclass(frozen=True, slots=True)
class Step:
    """`trouble` as it is afterwards; `told` is what people are to be told, None: nothing."""

    trouble: Trouble
    told: AlertKind | None = None

    def untold(self, before: Trouble) -> Trouble:
        """The same when nobody is told: of a webhook that is off."""
        now = self.trouble
        return replace(before, failed_in_a_row=now.failed_in_a_row, late_at=now.late_at)


def after(trouble: Trouble, verdicts: Sequence[str], now: dt.datetime) -> Step:
    """What follows from these verdicts on attempts, oldest first."""
    succeeded = Verdict.SUCCESS in verdicts
    failed = 0
    for verdict in reversed(verdicts):
        if verdict == Verdict.SUCCESS:
            break
        failed += 1
    before = 0 if succeeded else trouble.failed_in_a_row
    counted = replace(trouble, failed_in_a_row=before + failed)
    if succeeded and trouble.is_down:
        return Step(_recovered(counted, now), AlertKind.RECOVERED)
    # Of one that was deactivated too: what is in flight then is not told, since it is off, so it
    # was activated again.
    may_tell = counted.failing_told_at is None and not counted.is_quiet(now)
    if counted.failed_in_a_row >= FAILURES_TO_TELL and may_tell:
        return Step(replace(counted, failing_told_at=now), AlertKind.FAILING)
    return Step(counted)


def deactivated(trouble: Trouble, now: dt.datetime) -> Step:
    """By the service itself. After an activation failures count from zero, and are told again."""
    known = replace(trouble, failed_in_a_row=0, failing_told_at=None, deactivated_told_at=now)
    return Step(known, AlertKind.DEACTIVATED)


def late(trouble: Trouble, now: dt.datetime) -> Step:
    """A delivery was not made within its SLA."""
    noted = replace(trouble, late_at=now)
    is_known = trouble.is_down or trouble.sla_told_at is not None
    if is_known or trouble.is_quiet(now):
        return Step(noted)
    return Step(replace(noted, sla_told_at=now), AlertKind.SLA_BREACHED)


def calm(trouble: Trouble, last_success_at: dt.datetime | None, now: dt.datetime) -> Step:
    """Whether it is late no more."""
    if trouble.sla_told_at is None or trouble.is_down or last_success_at is None:
        return Step(trouble)
    late_at = trouble.late_at or trouble.sla_told_at
    if late_at > now - CALM or last_success_at <= late_at:
        return Step(trouble)
    return Step(_recovered(trouble, now), AlertKind.RECOVERED)


def _recovered(trouble: Trouble, now: dt.datetime) -> Trouble:
    return replace(
        trouble,
        failing_told_at=None,
        deactivated_told_at=None,
        sla_told_at=None,
        recovered_told_at=now,
    )
