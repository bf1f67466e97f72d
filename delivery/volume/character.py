"""How the receivers of a made-up brand behave."""

import datetime as dt
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from delivery.models import State

GOOD_STATUSES = (200, 200, 200, 200, 202, 204)
REFUSALS = (400, 400, 401, 404, 422)
TROUBLES: tuple[tuple[int | None, str], ...] = (
    (503, ""),
    (500, ""),
    (502, ""),
    (None, "timeout"),
    (None, "refused"),
)
DAY = dt.timedelta(days=1)
LONGEST_WAIT_S = 900


class Ways(NamedTuple):
    """Shares of what becomes of deliveries; the rest is delivered at once."""

    late: float = 0.008
    refused: float = 0.005
    expired: float = 0.001
    cancelled: float = 0.0005
    blocked: float = 0.0002
    quarantined: float = 0.0001


class Fate(NamedTuple):
    """`time_s` is from coming in to the end; None while it is under way."""

    state: State
    attempts: int
    status: int | None
    error: str
    duration_ms: float
    time_s: float | None


@dataclass(frozen=True)
class Character:
    """`fails_since` is when the receiver broke down, None while it works. Of one that was
    deactivated nothing was sent from then on."""

    median_ms: float
    ways: Ways
    weight: float
    fails_since: dt.datetime | None = None
    deactivated_at: dt.datetime | None = None
    reason: str = ""

    def fate(self, rng: Random, moment: dt.datetime, now: dt.datetime) -> Fate:
        """What became of a delivery whose event came in at that moment."""
        duration_ms = self.median_ms * rng.lognormvariate(0, 0.6)
        age = now - moment
        if age < dt.timedelta(seconds=2):
            return Fate(State.PENDING, 0, None, "", 0, None)
        if self.fails_since is not None and moment > self.fails_since - DAY / 24:
            return _broken(rng, age, duration_ms)
        chance = rng.random()
        for way, share in zip(Ways._fields, self.ways, strict=True):
            if chance < share:
                return _ended(rng, way, age, duration_ms)
            chance -= share
        return Fate(
            State.DELIVERED, 1, rng.choice(GOOD_STATUSES), "", duration_ms, duration_ms / 1000
        )


def _broken(rng: Random, age: dt.timedelta, duration_ms: float) -> Fate:
    status, error = rng.choice(TROUBLES)
    if rng.random() < 0.2:
        return _ended(rng, "refused", age, duration_ms)
    if age > DAY:
        return _ended(rng, "expired", age, duration_ms)
    attempts = 1 + _attempts_within(age.total_seconds())
    return Fate(State.RETRYING, attempts, status, error, duration_ms, None)


def _ended(rng: Random, way: str, age: dt.timedelta, duration_ms: float) -> Fate:
    status, error = rng.choice(TROUBLES)
    if way == "late":
        time_s = min(rng.expovariate(1 / 60) + 5, age.total_seconds())
        attempts = 1 + _attempts_within(time_s)
        return Fate(State.DELIVERED, attempts, 200, "", duration_ms, time_s)
    if way == "expired" and age > DAY:
        return Fate(State.EXPIRED, 105, status, error, duration_ms, DAY.total_seconds())
    if way == "cancelled":
        return Fate(State.CANCELLED, 2, status, error, duration_ms, min(30, age.total_seconds()))
    if way == "blocked":
        return Fate(State.BLOCKED, 1, None, "forbidden_address", 1.0, 0.01)
    if way == "quarantined":
        return Fate(State.QUARANTINED, 4, None, "", 0, min(300, age.total_seconds()))
    return Fate(State.FAILED, 1, rng.choice(REFUSALS), "", duration_ms, duration_ms / 1000)


def _attempts_within(time_s: float) -> int:
    """How often the schedule of replays comes round."""
    passed, wait_s, count = 0.0, 5.0, 0
    while (passed := passed + wait_s) <= time_s:
        count += 1
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)
    return count


def draw(rng: Random, rank: int, now: dt.datetime, days: int) -> Character:
    """The character of the webhook with that rank by traffic, from 0, over the last days."""
    weight = 1 / (rank + 8)
    median_ms = 90 * rng.lognormvariate(0, 0.7)
    chance = rng.random()
    if chance < 0.04:
        since = now - dt.timedelta(hours=rng.uniform(1, 60))
        return Character(median_ms, Ways(), weight, fails_since=since)
    if chance < 0.06:
        at = now - days * DAY * rng.uniform(0.02, 0.3)
        since = at - dt.timedelta(days=5)
        return Character(median_ms, Ways(), weight, since, at, "Every delivery failed for 5 days.")
    if chance < 0.08:
        at = now - days * DAY * rng.uniform(0.02, 0.3)
        return Character(median_ms, Ways(), weight, deactivated_at=at)
    if chance < 0.16:
        return Character(median_ms, Ways(late=0.1, refused=0.05, expired=0.02), weight)
    if chance < 0.24:
        return Character(median_ms * 20, Ways(), weight)
    return Character(median_ms, Ways(), weight)
