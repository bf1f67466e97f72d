"""How a webhook's health follows from its results: pure.

A circuit opens after five failures in a row of the kind that an outage makes. While it is open
nothing is sent; then one probe goes out. The first answer closes it, and the webhook's share
grows from one connection by doubling every second.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from delivery.transport.result import REFUSALS, ErrorClass, Result

FAILURES_TO_OPEN = 5
FIRST_OPEN_S = 10.0
LONGEST_OPEN_S = 300.0
RAMP_S = 10.0


@dataclass(frozen=True, slots=True)
class HealthState:
    """The columns of `delivery.models.Health`, as a value."""

    failures: int = 0
    failing_since: dt.datetime | None = None
    last_success_at: dt.datetime | None = None
    openings: int = 0
    open_until: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    spread_from: dt.datetime | None = None

    @property
    def is_proven(self) -> bool:
        """Whether it is known to answer: it has, and not one failure came since."""
        return self.last_success_at is not None and self.failures == 0


class Verdict:
    """What a result says about the receiver, whatever it means for the delivery."""

    SUCCESS = "success"
    REFUSAL = "refusal"
    OUTAGE = "outage"


def verdict(result: Result) -> str:
    if result.is_acknowledged:
        return Verdict.SUCCESS
    if result.error in REFUSALS:
        return Verdict.REFUSAL
    if result.status is None:
        # A forbidden address says nothing about the receiver's machine: nobody was asked.
        refused = result.error is ErrorClass.FORBIDDEN_ADDRESS
        return Verdict.REFUSAL if refused else Verdict.OUTAGE
    if 200 <= result.status < 300:
        return Verdict.SUCCESS
    return Verdict.REFUSAL if 400 <= result.status < 500 else Verdict.OUTAGE


def after(health: HealthState, verdicts: Sequence[str], now: dt.datetime) -> HealthState:
    """The health after these verdicts, oldest first."""
    for item in verdicts:
        health = _after_one(health, item, now)
    return health


def _after_one(health: HealthState, item: str, now: dt.datetime) -> HealthState:
    if item == Verdict.OUTAGE:
        health = replace(
            health, failures=health.failures + 1, failing_since=health.failing_since or now
        )
        may_open = health.open_until is None or health.open_until <= now
        if health.failures >= FAILURES_TO_OPEN and may_open:
            health = opened(health, now)
        return health
    if item == Verdict.SUCCESS:
        health = replace(health, failing_since=None, last_success_at=now)
    else:
        health = replace(health, failing_since=health.failing_since or now)
    if health.open_until is not None:
        health = replace(health, open_until=None, openings=0, closed_at=now, spread_from=now)
    return replace(health, failures=0)


def opened(health: HealthState, now: dt.datetime) -> HealthState:
    """Open, or open again after a probe: 10 s, then twice as long each time, at most 5 min."""
    length_s = min(FIRST_OPEN_S * 2**health.openings, LONGEST_OPEN_S)
    return replace(
        health,
        openings=min(health.openings + 1, 16),
        open_until=now + dt.timedelta(seconds=length_s),
    )


def share(health: HealthState, limit: int, now: dt.datetime) -> int:
    """How many of the webhook's `limit` connections may be used now; 1 for a probe, 0 if open."""
    if health.open_until is not None:
        return 0 if now < health.open_until else 1
    if health.closed_at is not None:
        seconds = max((now - health.closed_at).total_seconds(), 0.0)
        if seconds < RAMP_S:
            return int(min(limit, 2 ** int(seconds)))
    return limit
