import datetime as dt
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.engine.retry import (
    EDGE_S,
    Decision,
    Rules,
    backoff_s,
    decide,
    retry_after_s,
)
from delivery.models import FINAL, State
from delivery.transport.result import REFUSALS, ErrorClass, Result

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
EXPIRES = NOW + dt.timedelta(hours=24)
MIDDLE = 0.5  # no jitter
FINAL_ERRORS = {ErrorClass.FORBIDDEN_ADDRESS, *REFUSALS}
RETRIED_ERRORS = [error for error in ErrorClass if error not in FINAL_ERRORS]


def answered(status: int, retry_after: str | None = None) -> Result:
    headers = (("retry-after", retry_after),) if retry_after is not None else ()
    return Result(status, None, "", headers, "", False, "192.0.2.1:443", 12.0)


def failed(error: ErrorClass) -> Result:
    return Result(None, error, "no response", (), "", False, None, 12.0)


def decided(
    result: Result,
    *,
    attempt: int = 1,
    replay_on_429: bool = False,
    now: dt.datetime = NOW,
    chance: float = MIDDLE,
) -> Decision:
    rules = Rules(replay_on_429=replay_on_429)
    return decide(result, rules, attempt=attempt, now=now, expires_at=EXPIRES, chance=chance)


def waits_s(decision: Decision, now: dt.datetime = NOW) -> float:
    assert decision.state is State.RETRYING
    assert decision.next_attempt_at is not None
    return (decision.next_attempt_at - now).total_seconds()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_2xx_is_a_success(status: int) -> None:
    assert decided(answered(status)) == Decision(State.DELIVERED)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422, 425, 429, 451, 499])
def test_a_4xx_is_final(status: int) -> None:
    assert decided(answered(status, "7")) == Decision(State.FAILED)


def test_a_410_is_final_and_deactivates() -> None:
    assert decided(answered(410)) == Decision(State.FAILED, deactivates=True)


@pytest.mark.parametrize("status", [101, 300, 301, 302, 304, 307, 500, 502, 503, 504, 599, 999])
def test_every_other_status_is_replayed(status: int) -> None:
    assert waits_s(decided(answered(status))) == 5


@pytest.mark.parametrize("error", RETRIED_ERRORS)
def test_no_response_is_replayed(error: ErrorClass) -> None:
    assert waits_s(decided(failed(error))) == 5


@pytest.mark.parametrize("error", sorted(REFUSALS))
def test_what_a_queue_refuses_is_final_as_a_4xx_is(error: ErrorClass) -> None:
    assert decided(failed(error)) == Decision(State.FAILED)


def test_what_a_queue_acknowledges_is_delivered() -> None:
    acknowledged = Result(None, None, "entry 1-0", (), "", False, "192.0.2.1:6379", 12.0)
    assert decided(acknowledged) == Decision(State.DELIVERED)


def test_a_forbidden_address_is_final() -> None:
    assert decided(failed(ErrorClass.FORBIDDEN_ADDRESS)) == Decision(State.BLOCKED)


def test_a_429_is_replayed_when_the_webhook_says_so() -> None:
    assert waits_s(decided(answered(429), replay_on_429=True)) == 5
    assert waits_s(decided(answered(429, "120"), replay_on_429=True)) == 120


def test_other_4xx_stay_final_with_replay_on_429() -> None:
    assert decided(answered(428, "7"), replay_on_429=True).state is State.FAILED


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 1),  # a second at least: nobody is asked to be flooded
        ("00000000000000000007", 7),
        ("9" * 5000, 86_395),  # not beyond the edge
        (email.utils.format_datetime(NOW + dt.timedelta(minutes=3), usegmt=True), 180),
        (email.utils.format_datetime(NOW + dt.timedelta(minutes=3)), 180),
        ("Sat, 21 Nov 2026 13:03:00 +0100", 180),
        ("Saturday, 21-Nov-26 12:03:00 GMT", 180),
        ("Sat Nov 21 12:03:00 2026", 180),
        (email.utils.format_datetime(NOW - dt.timedelta(days=3), usegmt=True), 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_395),
    ],
)
def test_a_503_says_when_to_come_back(text: str, wait_s: float) -> None:
    assert waits_s(decided(answered(503, text))) == wait_s


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "-5", "1.5", "1e3", "٣", "²", "5 s", "0x10", "NaN", "\x00", "5,10"),
        "Sat, 99 Nov 2026 12:00:00 GMT",
        "Sat, 21 Nov 99999999999999999999 12:00:00 GMT",
        "Sat, 21 Nov 2026 12:00:00 +99999999999999999999",
        "Sat, 21 Nov 2026 12:00:00 +9959",
    ],
)
def test_an_unintelligible_retry_after_is_ignored(text: str) -> None:
    assert waits_s(decided(answered(503, text))) == 5


def test_only_429_and_503_are_asked_when_to_come_back() -> None:
    assert waits_s(decided(answered(500, "120"))) == 5
    assert waits_s(decided(answered(301, "120"))) == 5


def test_the_first_retry_after_counts() -> None:
    headers = (("X-A", "1"), ("Retry-After", "30"), ("Retry-After", "60"))
    assert retry_after_s(Result(503, None, "", headers, "", False, None, 1.0), NOW) == 30


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]\d+", fullmatch=True))
def test_no_retry_after_breaks_the_decision(text: str) -> None:
    wait_s = waits_s(decided(answered(503, text)))
    assert 1 <= wait_s <= 86_400


def test_replays_follow_the_schedule() -> None:
    minutes = 60
    assert [backoff_s(attempt, MIDDLE) for attempt in range(1, 13)] == [
        *(5, 10, 20, 40),
        *(1 * minutes, 2 * minutes, 5 * minutes, 10 * minutes),
        *([15 * minutes] * 4),
    ]


@given(attempt=st.integers(1, 2**31), chance=st.floats(0, 1))
def test_the_jitter_is_within_a_fifth(attempt: int, chance: float) -> None:
    middle_s = backoff_s(attempt, MIDDLE)
    assert 0.8 * middle_s <= backoff_s(attempt, chance) + 1e-9
    assert backoff_s(attempt, chance) - 1e-9 <= 1.2 * middle_s
    assert backoff_s(attempt, 0) < backoff_s(attempt, 1)


def test_the_last_attempt_is_made_at_the_edge() -> None:
    edge = EXPIRES - dt.timedelta(seconds=EDGE_S)
    shortly = EXPIRES - dt.timedelta(minutes=7)
    decision = decided(answered(500), attempt=90, now=shortly)
    assert decision == Decision(State.RETRYING, next_attempt_at=edge)
    decision = decided(answered(503, "86400"), now=shortly)
    assert decision == Decision(State.RETRYING, next_attempt_at=edge)


@pytest.mark.parametrize("late_s", [-EDGE_S, 0, 3600])
def test_after_the_edge_it_is_expired(late_s: float) -> None:
    now = EXPIRES + dt.timedelta(seconds=late_s)
    assert decided(answered(500), attempt=100, now=now) == Decision(State.EXPIRED)
    assert decided(failed(ErrorClass.TIMEOUT), attempt=100, now=now) == Decision(State.EXPIRED)


def test_a_late_answer_means_what_it_says() -> None:
    late = EXPIRES + dt.timedelta(seconds=20)
    assert decided(answered(200), now=late).state is State.DELIVERED
    assert decided(answered(404), now=late).state is State.FAILED


RESULTS = st.one_of(
    st.sampled_from([failed(error) for error in ErrorClass]),
    st.builds(answered, st.integers(100, 999), st.none() | st.text()),
)


@given(
    result=RESULTS,
    replay_on_429=st.booleans(),
    attempt=st.integers(1, 10_000),
    chance=st.floats(0, 1),
    age_s=st.floats(0, 2 * 86_400),
)
def test_a_decision_is_final_or_has_its_moment_before_the_end(
    result: Result, replay_on_429: bool, attempt: int, chance: float, age_s: float
) -> None:
    now = NOW + dt.timedelta(seconds=age_s)
    decision = decided(result, attempt=attempt, replay_on_429=replay_on_429, now=now, chance=chance)
    if decision.next_attempt_at is None:
        assert decision.state in FINAL
    else:
        assert decision.state is State.RETRYING
        assert now < decision.next_attempt_at < EXPIRES


@given(chances=st.lists(st.floats(0, 1), min_size=200, max_size=200))
def test_a_receiver_that_is_down_is_tried_for_the_whole_day(chances: list[float]) -> None:
    now, attempts = NOW, 0
    for chance in chances:
        attempts += 1
        decision = decided(answered(500), attempt=attempts, now=now, chance=chance)
        if decision.next_attempt_at is None:
            break
        now = decision.next_attempt_at
    assert decision.state is State.EXPIRED
    assert EXPIRES - now == dt.timedelta(seconds=EDGE_S)
    assert 85 <= attempts <= 130
