import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.engine import circuit
from delivery.engine.circuit import HealthState, Verdict, after, opened, share, verdict
from delivery.transport.result import REFUSALS, ErrorClass, Result

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
OUTAGE, REFUSAL, SUCCESS = Verdict.OUTAGE, Verdict.REFUSAL, Verdict.SUCCESS


def later(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def result(status: int | None, error: ErrorClass | None = None) -> Result:
    return Result(status, error, "", (), "", False, None, 1.0)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        *((200, SUCCESS), (299, SUCCESS)),
        *((400, REFUSAL), (410, REFUSAL), (429, REFUSAL), (499, REFUSAL)),
        *((301, OUTAGE), (500, OUTAGE), (503, OUTAGE), (600, OUTAGE)),
    ],
)
def test_what_a_status_says_of_the_receiver(status: int, says: str) -> None:
    assert verdict(result(status)) == says


@pytest.mark.parametrize("error", list(ErrorClass))
def test_no_response_is_an_outage_unless_it_was_refused(error: ErrorClass) -> None:
    was_refused = error is ErrorClass.FORBIDDEN_ADDRESS or error in REFUSALS
    assert verdict(result(None, error)) == (REFUSAL if was_refused else OUTAGE)


def test_what_a_queue_acknowledges_is_a_success() -> None:
    assert verdict(result(None)) == SUCCESS


def test_five_failures_in_a_row_open_the_circuit_for_ten_seconds() -> None:
    health = after(HealthState(), [OUTAGE] * 4, NOW)
    assert health.open_until is None
    assert share(health, 20, NOW) == 20
    health = after(health, [OUTAGE], NOW)
    assert health.open_until == later(10)
    assert share(health, 20, later(9.9)) == 0


@pytest.mark.parametrize("answer", [SUCCESS, REFUSAL])
def test_an_answer_among_the_failures_begins_the_count_anew(answer: str) -> None:
    health = after(HealthState(), [OUTAGE] * 4 + [answer] + [OUTAGE] * 4, NOW)
    assert health.open_until is None


def test_a_hundred_failures_at_once_open_it_no_longer_than_five() -> None:
    assert after(HealthState(), [OUTAGE] * 100, NOW).open_until == later(10)


def test_it_opens_twice_as_long_each_time_up_to_five_minutes() -> None:
    health, lengths = after(HealthState(), [OUTAGE] * 5, NOW), []
    for _ in range(20):
        health = opened(health, NOW)
        assert health.open_until is not None
        lengths.append((health.open_until - NOW).total_seconds())
    assert lengths[:6] == [20, 40, 80, 160, 300, 300]
    assert set(lengths[6:]) == {300}


def test_the_failure_of_a_probe_leaves_it_open_as_long_as_the_probe_made_it() -> None:
    health = after(HealthState(), [OUTAGE] * 5, NOW)
    health = opened(health, later(10))  # the probe was taken
    assert health.open_until == later(30)
    assert after(health, [OUTAGE], later(11)).open_until == later(30)


def test_after_its_time_one_connection_is_for_a_probe() -> None:
    health = after(HealthState(), [OUTAGE] * 5, NOW)
    assert share(health, 20, later(10)) == 1


@pytest.mark.parametrize("answer", [SUCCESS, REFUSAL])
def test_the_first_answer_closes_it(answer: str) -> None:
    health = opened(after(HealthState(), [OUTAGE] * 5, NOW), later(10))
    health = after(health, [answer], later(11))
    assert health.open_until is None
    assert (health.failures, health.openings) == (0, 0)
    assert health.closed_at == health.spread_from == later(11)


def test_the_share_doubles_every_second_after_it_closed() -> None:
    health = HealthState(closed_at=NOW)
    shares = [share(health, 1000, later(second)) for second in range(11)]
    assert shares == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000]
    assert [share(health, 3, later(second)) for second in range(4)] == [1, 2, 3, 3]


def test_a_closing_in_the_future_of_another_clock_leaves_one_connection() -> None:
    assert share(HealthState(closed_at=later(5)), 20, NOW) == 1


def test_a_webhook_is_proven_by_a_success_without_a_failure_since() -> None:
    assert not HealthState().is_proven
    health = after(HealthState(), [SUCCESS], NOW)
    assert health.is_proven
    assert not after(health, [OUTAGE], NOW).is_proven
    assert after(health, [OUTAGE, SUCCESS], NOW).is_proven


def test_failing_since_is_the_first_failure_after_the_last_success() -> None:
    health = after(HealthState(), [OUTAGE], NOW)
    health = after(health, [REFUSAL, OUTAGE], later(60))
    assert health.failing_since == NOW
    health = after(health, [SUCCESS], later(61))
    assert (health.failing_since, health.last_success_at) == (None, later(61))
    assert after(health, [REFUSAL], later(62)).failing_since == later(62)


def test_a_success_of_a_healthy_webhook_neither_ramps_nor_spreads() -> None:
    health = after(HealthState(), [SUCCESS], NOW)
    assert (health.closed_at, health.spread_from) == (None, None)
    assert share(health, 50, NOW) == 50


@given(
    verdicts=st.lists(st.sampled_from([OUTAGE, REFUSAL, SUCCESS])),
    limit=st.integers(1, 1000),
    seconds=st.floats(0, 1000),
)
def test_a_share_is_never_more_than_the_limit(
    verdicts: list[str], limit: int, seconds: float
) -> None:
    health = after(HealthState(), verdicts, NOW)
    assert 0 <= share(health, limit, later(seconds)) <= limit
    if verdicts[-circuit.FAILURES_TO_OPEN :] == [OUTAGE] * circuit.FAILURES_TO_OPEN:
        assert share(health, limit, NOW) == 0
