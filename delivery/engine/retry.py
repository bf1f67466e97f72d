"""What a result means for its delivery: a pure decision.

4xx is final, everything else that is not a 2xx is sent again until the delivery expires. A queue's
acknowledgement is its 2xx; where it refuses credentials, place or message, that is its 4xx.
"""

import datetime as dt
import email.utils
from dataclasses import dataclass

from delivery.models import State
from delivery.transport.result import REFUSALS, ErrorClass, Result

SCHEDULE_S = (5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 900.0)
JITTER = 0.2
# The last attempt is made this long before the delivery expires: time for a worker to take it.
EDGE_S = 5.0
GONE = 410


@dataclass(frozen=True, slots=True)
class Rules:
    """What a webhook says about replays."""

    replay_on_429: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`next_attempt_at` is None exactly when `state` is final."""

    state: State
    next_attempt_at: dt.datetime | None = None
    deactivates: bool = False


def decide(
    result: Result,
    rules: Rules,
    *,
    attempt: int,
    now: dt.datetime,
    expires_at: dt.datetime,
    chance: float,
) -> Decision:
    """What follows from the `attempt`-th attempt (from 1) that ended `now`.

    `chance` from 0 to 1 chooses within the jitter. Times are the database's.
    """
    if result.is_acknowledged:
        return Decision(State.DELIVERED)
    if result.status is None:
        if result.error is ErrorClass.FORBIDDEN_ADDRESS:
            return Decision(State.BLOCKED)
        if result.error in REFUSALS:
            return Decision(State.FAILED)
    elif 200 <= result.status < 300:
        return Decision(State.DELIVERED)
    elif 400 <= result.status < 500 and not (result.status == 429 and rules.replay_on_429):
        return Decision(State.FAILED, deactivates=result.status == GONE)

    edge = expires_at - dt.timedelta(seconds=EDGE_S)
    if now >= edge:
        return Decision(State.EXPIRED)
    delay = dt.timedelta(seconds=_delay_s(result, attempt=attempt, now=now, chance=chance))
    return Decision(State.RETRYING, next_attempt_at=min(now + delay, edge))


def backoff_s(attempt: int, chance: float) -> float:
    """Seconds from the end of the `attempt`-th attempt (from 1) to the next one."""
    base = SCHEDULE_S[min(attempt, len(SCHEDULE_S)) - 1]
    return base * (1 - JITTER + 2 * JITTER * chance)


def _delay_s(result: Result, *, attempt: int, now: dt.datetime, chance: float) -> float:
    if result.status in (429, 503):
        asked = retry_after_s(result, now)
        if asked is not None:
            return max(asked, 1.0)
    return backoff_s(attempt, chance)


def retry_after_s(result: Result, now: dt.datetime) -> float | None:
    """Seconds that the receiver asks to wait; None when it does not say, or not intelligibly.

    Both forms of https://www.rfc-editor.org/rfc/rfc9110#name-retry-after, at most a day.
    """
    text = next((value for name, value in result.headers if name.lower() == "retry-after"), "")
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text.lstrip("0")[:9] or "0"), 86_400))
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # years and zones of any length get as far as this
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return min(max((moment - now).total_seconds(), 0.0), 86_400.0)
