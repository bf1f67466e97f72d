import datetime as dt

import pytest

from delivery.engine.circuit import Verdict
from delivery.engine.trouble import (
    CALM,
    FAILURES_TO_TELL,
    LATE_NOTED_EVERY,
    QUIET,
    Step,
    Trouble,
    after,
    calm,
    deactivated,
    late,
)
from delivery.models import AlertKind

NOW = dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)
OUTAGE, REFUSAL, SUCCESS = Verdict.OUTAGE, Verdict.REFUSAL, Verdict.SUCCESS
MINUTE = dt.timedelta(minutes=1)
FAILING = after(Trouble(), [OUTAGE] * FAILURES_TO_TELL, NOW).trouble
LATE = late(Trouble(), NOW).trouble


def told(step: Step) -> AlertKind | None:
    return step.told


@pytest.mark.parametrize("verdict", [OUTAGE, REFUSAL])
def test_fifty_failures_in_a_row_of_whatever_kind_are_told(verdict: str) -> None:
    step = after(Trouble(), [verdict] * 49, NOW)
    assert (step.trouble.failed_in_a_row, step.told) == (49, None)
    step = after(step.trouble, [verdict], NOW)
    assert (step.trouble.failed_in_a_row, step.told) == (50, AlertKind.FAILING)
    assert step.trouble.failing_told_at == NOW


def test_further_failures_are_not_told_again() -> None:
    assert told(after(FAILING, [OUTAGE] * 1_000, NOW)) is None


def test_a_success_begins_the_row_anew() -> None:
    step = after(Trouble(failed_in_a_row=49), [OUTAGE] * 30 + [SUCCESS] + [REFUSAL] * 3, NOW)
    assert (step.trouble.failed_in_a_row, step.told) == (3, None)


def test_the_first_success_after_is_told_once() -> None:
    step = after(FAILING, [OUTAGE, SUCCESS], NOW)
    assert step.told is AlertKind.RECOVERED
    assert (step.trouble.failing_told_at, step.trouble.recovered_told_at) == (None, NOW)
    assert step.trouble.is_clear
    assert told(after(step.trouble, [SUCCESS] * 9, NOW + MINUTE)) is None


def test_a_success_that_nothing_was_told_before_tells_nothing() -> None:
    assert told(after(Trouble(failed_in_a_row=49), [SUCCESS], NOW)) is None


def test_for_an_hour_after_a_recovery_nothing_new_is_told_and_then_what_lasts() -> None:
    recovered = after(FAILING, [SUCCESS], NOW).trouble
    step = after(recovered, [OUTAGE] * 90, NOW + QUIET - MINUTE)
    assert step.told is None
    step = after(step.trouble, [OUTAGE], NOW + QUIET)
    assert (step.told, step.trouble.failed_in_a_row) == (AlertKind.FAILING, 91)


def test_whoever_comes_and_goes_all_day_makes_two_messages_an_hour() -> None:
    known, messages = Trouble(), 0
    for minute in range(24 * 60):
        step = after(known, [REFUSAL] * 60 + [SUCCESS] * (minute % 2), NOW + minute * MINUTE)
        known, messages = step.trouble, messages + (step.told is not None)
    assert 0 < messages <= 2 * 24


def test_the_first_late_delivery_is_told_and_no_other() -> None:
    step = late(Trouble(), NOW)
    assert (step.told, step.trouble.late_at) == (AlertKind.SLA_BREACHED, NOW)
    step = late(step.trouble, NOW + QUIET)
    assert (step.told, step.trouble.late_at) == (None, NOW + QUIET)


def test_who_is_known_to_fail_is_not_told_to_be_late() -> None:
    assert told(late(FAILING, NOW)) is None
    assert told(late(deactivated(Trouble(), NOW).trouble, NOW)) is None


def test_who_was_late_may_be_told_to_fail_and_recovers_once() -> None:
    step = after(LATE, [OUTAGE] * 50, NOW)
    assert step.told is AlertKind.FAILING
    step = after(step.trouble, [SUCCESS], NOW + MINUTE)
    assert step.told is AlertKind.RECOVERED
    assert told(calm(step.trouble, NOW + MINUTE, NOW + CALM)) is None


def test_a_success_alone_does_not_end_lateness() -> None:
    assert told(after(LATE, [SUCCESS], NOW)) is None


@pytest.mark.parametrize(
    ("success", "passed", "expected"),
    [
        (None, CALM, None),
        (NOW - MINUTE, CALM, None),
        (NOW + MINUTE, CALM - MINUTE, None),
        (NOW + MINUTE, CALM, AlertKind.RECOVERED),
    ],
)
def test_lateness_ends_with_a_success_and_a_quarter_of_an_hour_without(
    success: dt.datetime | None, passed: dt.timedelta, expected: AlertKind | None
) -> None:
    step = calm(LATE, success, NOW + passed)
    assert step.told is expected
    assert (step.trouble.sla_told_at is None) == (expected is not None)


def test_late_deliveries_are_noted_about_once_a_minute() -> None:
    assert Trouble().may_note_late(NOW)
    assert not LATE.may_note_late(NOW + LATE_NOTED_EVERY - dt.timedelta(seconds=1))
    assert LATE.may_note_late(NOW + LATE_NOTED_EVERY)


def test_after_a_deactivation_failures_count_from_zero_and_are_told_again() -> None:
    step = deactivated(FAILING, NOW)
    assert (step.told, step.trouble.failed_in_a_row) == (AlertKind.DEACTIVATED, 0)
    assert told(after(step.trouble, [OUTAGE] * 49, NOW)) is None
    assert told(after(step.trouble, [OUTAGE] * 50, NOW)) is AlertKind.FAILING
    assert told(after(step.trouble, [SUCCESS], NOW)) is AlertKind.RECOVERED


def test_of_a_webhook_that_is_off_it_is_only_counted() -> None:
    step = after(Trouble(failed_in_a_row=49), [OUTAGE], NOW)
    assert step.untold(Trouble(failed_in_a_row=49)) == Trouble(failed_in_a_row=50)
