import dataclasses
import datetime as dt
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from structlog.testing import capture_logs

from delivery.engine.claim import LEASE_S, Claimed, claim
from delivery.engine.clock import Reading
from delivery.engine.outcomes import Writer
from delivery.engine.record import Outcome, write
from delivery.engine.retry import Decision
from delivery.engine.sweep import end_lost_leases, mark_sla_breaches
from delivery.models import Attempt, Delivery, Health, State
from delivery.transport.result import ErrorClass, Result
from tests.delivery.engine.conftest import database_away, let_pass, until
from tests.factories import DeliveryFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

SUCCESS = Decision(State.DELIVERED)
FAILURE = Decision(State.FAILED)


def retry_in(seconds: float) -> Decision:
    return Decision(State.RETRYING, timezone.now() + dt.timedelta(seconds=seconds))


def claimed(**values: Any) -> Claimed:
    delivery = DeliveryFactory(**values)
    let_pass(seconds=1)
    (row,) = claim(delivery.webhook_id, 1)
    return row


def claim_again(row: Claimed) -> Claimed:
    """Its worker is given up for dead, and another has it."""
    let_pass(seconds=LEASE_S + 1)
    assert end_lost_leases() == 1
    let_pass(seconds=1)
    (again,) = claim(row.webhook_id, 1)
    return again


def outcome(
    row: Claimed,
    decision: Decision = SUCCESS,
    status: int | None = 200,
    error: ErrorClass | None = None,
    **result: Any,
) -> Outcome:
    values: dict[str, Any] = {
        "detail": "",
        "headers": (("Content-Type", "text/plain"),),
        "body": "ok",
        "body_truncated": False,
        "address": "192.0.2.1:443",
        "duration_ms": 12.5,
    }
    started_at = row.reading.now()
    return Outcome(
        row=row,
        started_at=started_at,
        ended_at=started_at + dt.timedelta(milliseconds=13),
        request_headers='[["webhook-id", "x"]]',
        result=Result(status=status, error=error, **{**values, **result}),
        decision=decision,
    )


def delivery_of(row: Claimed) -> Delivery:
    return Delivery.objects.get(pk=row.delivery_id)


def test_a_success_ends_the_delivery_and_is_logged_whole() -> None:
    row = claimed()
    done = outcome(row)
    write([done])
    delivery = delivery_of(row)
    assert delivery.state == State.DELIVERED
    assert (delivery.attempts, delivery.lease_until, delivery.next_attempt_at) == (1, None, None)
    assert (delivery.first_attempt_at, delivery.finished_at) == (done.started_at, done.ended_at)
    assert (delivery.last_status, delivery.last_error) == (200, "")
    assert delivery.last_duration_ms == 12.5
    attempt = delivery.attempt_log.get()
    assert (attempt.number, attempt.started_at, attempt.duration_ms) == (1, done.started_at, 12.5)
    assert (attempt.status, attempt.error, attempt.detail) == (200, "", "")
    assert attempt.address == "192.0.2.1:443"
    assert attempt.request_headers == '[["webhook-id", "x"]]'
    assert attempt.response_headers == '[["Content-Type", "text/plain"]]'
    assert (attempt.response_body, attempt.body_truncated) == ("ok", False)


def test_a_failure_that_is_replayed_waits_for_its_moment() -> None:
    row, decision = claimed(), retry_in(5)
    write([outcome(row, decision, None, ErrorClass.TIMEOUT, detail="too slow", address=None)])
    delivery = delivery_of(row)
    assert delivery.state == State.RETRYING
    assert (delivery.next_attempt_at, delivery.finished_at) == (decision.next_attempt_at, None)
    assert (delivery.last_status, delivery.last_error) == (None, "timeout")
    attempt = delivery.attempt_log.get()
    assert (attempt.status, attempt.error, attempt.detail) == (None, "timeout", "too slow")
    assert attempt.address == ""


@pytest.mark.parametrize("state", [State.FAILED, State.BLOCKED, State.EXPIRED])
def test_a_final_failure_has_its_end(state: State) -> None:
    row = claimed()
    done = outcome(row, Decision(state), 404)
    write([done])
    delivery = delivery_of(row)
    assert (delivery.state, delivery.finished_at) == (state, done.ended_at)


def test_the_first_attempt_of_a_delivery_stays_the_first() -> None:
    row = claimed()
    first = outcome(row, retry_in(-1), 500)
    write([first])
    (again,) = claim(row.webhook_id, 1)
    write([outcome(again)])
    delivery = delivery_of(row)
    assert delivery.first_attempt_at == first.started_at
    assert [attempt.number for attempt in delivery.attempt_log.all()] == [1, 2]


def test_an_outcome_forgives_lost_workers() -> None:
    row = claim_again(claimed())
    assert delivery_of(row).lost_leases == 1
    write([outcome(row, retry_in(5), 500)])
    assert delivery_of(row).lost_leases == 0


def test_a_stale_failure_does_not_overwrite_its_successor_and_is_logged() -> None:
    stale = claimed()
    current = claim_again(stale)
    write([outcome(stale, FAILURE, 404)])
    assert (delivery_of(stale).state, delivery_of(stale).lease_until is None) == (
        State.IN_FLIGHT,
        False,
    )
    write([outcome(current, retry_in(5), 500)])
    delivery = delivery_of(stale)
    assert (delivery.state, delivery.last_status) == (State.RETRYING, 500)
    assert [attempt.status for attempt in delivery.attempt_log.all()] == [404, 500]


def test_a_stale_success_makes_it_delivered_and_its_successor_changes_nothing() -> None:
    stale = claimed()
    current = claim_again(stale)
    write([outcome(stale)])
    assert delivery_of(stale).state == State.DELIVERED
    write([outcome(current, retry_in(5), 500)])
    delivery = delivery_of(stale)
    assert (delivery.state, delivery.last_status) == (State.DELIVERED, 200)
    assert [attempt.status for attempt in delivery.attempt_log.all()] == [200, 500]


@pytest.mark.parametrize("state", [State.QUARANTINED, State.EXPIRED, State.CANCELLED])
def test_a_late_success_counts_whatever_became_of_the_delivery(state: State) -> None:
    row = claimed()
    Delivery.objects.update(state=state, finished_at=timezone.now())
    write([outcome(row, FAILURE, 404)])
    assert delivery_of(row).state == state
    write([outcome(row)])
    assert delivery_of(row).state == State.DELIVERED


def test_a_late_failure_of_a_lost_worker_counts_while_nobody_else_has_the_row() -> None:
    row = claimed()
    let_pass(seconds=LEASE_S + 1)
    end_lost_leases()
    write([outcome(row, FAILURE, 404)])
    assert delivery_of(row).state == State.FAILED


def test_an_sla_that_passed_during_the_attempt_is_noted_at_its_moment() -> None:
    row = claimed(sla_due_at=timezone.now() - dt.timedelta(seconds=5))
    write([outcome(row)])
    delivery = delivery_of(row)
    assert delivery.sla_breached_at == delivery.sla_due_at


def test_a_success_in_time_breaches_nothing() -> None:
    row = claimed(sla_due_at=timezone.now() + dt.timedelta(seconds=30))
    write([outcome(row)])
    assert delivery_of(row).sla_breached_at is None


def test_a_success_in_time_that_is_recorded_late_takes_the_breach_back() -> None:
    row = claimed(sla_due_at=timezone.now() + dt.timedelta(seconds=30))
    done = outcome(row)
    Delivery.objects.update(sla_due_at=done.ended_at + dt.timedelta(microseconds=1))
    until(lambda: mark_sla_breaches() == 1)
    write([done])
    assert delivery_of(row).sla_breached_at is None


def test_a_breach_stays_after_a_late_success() -> None:
    row = claimed(sla_due_at=timezone.now() - dt.timedelta(seconds=5))
    assert mark_sla_breaches() == 1
    write([outcome(row)])
    delivery = delivery_of(row)
    assert delivery.sla_breached_at == delivery.sla_due_at


def test_a_410_deactivates_the_webhook_with_a_reason() -> None:
    row = claimed()
    write([outcome(row, Decision(State.FAILED, deactivates=True), 410)])
    webhook = delivery_of(row).webhook
    assert webhook.deactivated_at is not None
    assert "410" in webhook.deactivation_reason
    assert webhook.revision == 2


def test_outcomes_carry_the_health_of_their_webhooks() -> None:
    row = claimed()
    assert write([outcome(row, retry_in(5), 500)]) == {row.webhook_id}
    assert Health.objects.get(webhook=row.webhook_id).failures == 1


def claimed_many(count: int) -> list[Claimed]:
    webhook = WebhookFactory()
    event = DeliveryFactory(webhook=webhook).event
    Delivery.objects.bulk_create(
        Delivery(
            event=event,
            webhook=webhook,
            is_replay=True,
            expires_at=timezone.now() + dt.timedelta(hours=24),
        )
        for _ in range(count - 1)
    )
    let_pass(seconds=1)
    return claim(webhook.pk, count)


def test_a_batch_moves_each_row_by_its_own_outcome() -> None:
    rows = claimed_many(6)
    decisions = [SUCCESS, FAILURE, retry_in(5)] * 2
    statuses = [200, 404, 500] * 2
    write([outcome(*each) for each in zip(rows, decisions, statuses, strict=True)])
    for row, decision, status in zip(rows, decisions, statuses, strict=True):
        delivery = delivery_of(row)
        assert (delivery.state, delivery.last_status) == (decision.state, status)
        assert delivery.next_attempt_at == decision.next_attempt_at
        assert delivery.attempt_log.get().status == status


ODD = "\\x00 ' \" \\ %s {} \u202e é 漢 😀 \t\n" + "x" * 16_000


def test_odd_characters_are_kept_as_they_are() -> None:
    row = claimed()
    headers = (("X-Odd", "a\x00b\xff\\"), ("X-Odd", "'"))
    write([outcome(row, FAILURE, 400, body=ODD, headers=headers, detail=ODD[:300])])
    attempt = delivery_of(row).attempt_log.get()
    assert attempt.response_body == ODD
    assert attempt.response_headers == '[["X-Odd", "a\\u0000b\\u00ff\\\\"], ["X-Odd", "\'"]]'
    assert attempt.detail == ODD[:300]


# --- The writer ----------------------------------------------------------------------------


@pytest.fixture
def changed() -> list[set[int]]:
    return []


@pytest.fixture
def writer(transactional_db: None, changed: list[set[int]]) -> Iterator[Writer]:
    writer = Writer(changed.append)
    yield writer
    writer.stop()


def test_a_thousand_outcomes_are_written_in_the_background(writer: Writer) -> None:
    rows = claimed_many(1_000)
    for row in rows:
        writer.put(outcome(row))
    assert writer.flush(30)
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 1_000
    assert Attempt.objects.count() == 1_000


def test_a_change_of_health_is_told(writer: Writer, changed: list[set[int]]) -> None:
    row = claimed()
    writer.put(outcome(row, retry_in(5), 500))
    assert writer.flush(10)
    assert changed == [{row.webhook_id}]


def test_flushing_an_idle_writer_takes_no_time(writer: Writer) -> None:
    assert writer.flush(0)


def test_what_was_put_before_the_end_is_written(transactional_db: None) -> None:
    rows = claimed_many(300)
    writer = Writer()
    for row in rows:
        writer.put(outcome(row))
    writer.stop()
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 300


@pytest.mark.parametrize(
    "poison",
    [
        {"body": "half a pair \ud800"},
        {"status": 10**9},
        {"detail": "x" * 5_000},
        {"duration_ms": "not a number"},
    ],
    ids=["surrogate", "status", "detail", "duration"],
)
def test_an_outcome_that_can_not_be_written_takes_no_other_with_it(
    writer: Writer, poison: dict[str, Any]
) -> None:
    if connection.vendor == "sqlite" and set(poison) & {"status", "detail"}:
        pytest.skip("SQLite takes it")
    rows = claimed_many(20)
    for place, row in enumerate(rows):
        writer.put(outcome(row, **(poison if place == 7 else {})))
    assert writer.flush(20)
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 19
    assert delivery_of(rows[7]).state == State.IN_FLIGHT
    writer.put(outcome(rows[7]))
    assert writer.flush(10)
    assert delivery_of(rows[7]).state == State.DELIVERED


def test_a_listener_that_fails_does_not_end_the_writer(transactional_db: None) -> None:
    told = threading.Event()

    def fail(_: set[int]) -> None:
        told.set()
        raise ValueError

    writer = Writer(fail)
    try:
        for row in claimed_many(2):
            writer.put(outcome(row, retry_in(5), 500))
            assert writer.flush(10)
        assert told.is_set()
        assert Delivery.objects.filter(state=State.RETRYING).count() == 2
    finally:
        writer.stop()


def test_what_the_database_does_not_take_is_written_when_it_is_back(writer: Writer) -> None:
    first, *rows = claimed_many(30)
    writer.put(outcome(first))
    assert writer.flush(10)
    with capture_logs() as logs:
        with database_away():
            for row in rows:
                writer.put(outcome(row))
            until(lambda: [line for line in logs if line["event"] == "outcomes_not_written"])
            assert Delivery.objects.filter(state=State.IN_FLIGHT).count() == 29
        assert writer.flush(20)
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 30
    assert Attempt.objects.count() == 30


def test_what_can_not_be_written_within_its_lease_is_given_up(writer: Writer) -> None:
    rows = claimed_many(2)
    almost_over = Reading(rows[0].reading.moment, time.monotonic() - LEASE_S + 1)
    old = dataclasses.replace(rows[0], reading=almost_over)
    with capture_logs() as logs:
        with database_away():
            writer.put(outcome(old))
            writer.put(outcome(rows[1]))
            until(lambda: [line for line in logs if line["event"] == "outcomes_given_up"])
        assert writer.flush(20)
    assert delivery_of(rows[0]).state == State.IN_FLIGHT
    assert delivery_of(rows[1]).state == State.DELIVERED
