"""Writes what came of attempts: log, deliveries, tallies and health, in one transaction.

A row's outcome demands the token of its claim. One exception: a 2xx of a worker that had been
given up for dead makes the delivery delivered all the same, since the receiver has it.
"""

import datetime as dt
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from delivery import tally
from delivery.engine import circuit, health
from delivery.engine.claim import Claimed
from delivery.engine.retry import Decision
from delivery.histogram import BOUNDS_US
from delivery.intervals import hour_of
from delivery.models import OPEN, Attempt, Delivery, State
from delivery.transport.result import ANSWERS, Result
from organizations.database import fetch, is_postgresql

GONE_FOR_GOOD = "The receiver answered 410 Gone."
# What was refused for good is told as a failure; it is not late.
REFUSED = (State.FAILED, State.BLOCKED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt that ended: the row as claimed, what was sent, what came back, what follows."""

    row: Claimed
    started_at: dt.datetime
    ended_at: dt.datetime
    request_headers: str
    result: Result
    decision: Decision

    @property
    def is_final(self) -> bool:
        return self.decision.next_attempt_at is None


def write(batch: Sequence[Outcome]) -> set[int]:
    """Log the attempts, move the deliveries, count, keep the webhooks' health: one transaction.

    Answers the webhooks whose health changed.
    """
    with transaction.atomic():
        change = tally.Change()
        if is_postgresql():
            late, left = _write_together(batch)
            late |= _move_each(left, change)
        else:
            late = _move_each(batch, change)
            _log(batch, change)
        change.write()
        return health.record(_reports(batch, late))


def _reports(batch: Iterable[Outcome], late: Collection[int]) -> dict[int, health.Report]:
    """What the batch says of each webhook; one that is gone for good is deactivated."""
    reports: dict[int, health.Report] = {}
    gone = set()
    for o in batch:
        report = reports.setdefault(o.row.webhook_id, health.Report())
        verdict = circuit.verdict(o.result)
        report.verdicts.append(verdict)
        if o.row.is_test:
            continue
        report.counted.append(verdict)
        if verdict != circuit.Verdict.SUCCESS:
            report.last_status, report.last_error = o.result.status, str(o.result.error or "")
        if o.decision.deactivates:
            gone.add(o.row.webhook_id)
    for webhook_id in sorted(gone):  # in one order everywhere, as all locks
        if health.deactivate(webhook_id, GONE_FOR_GOOD):
            reports[webhook_id].deactivation = GONE_FOR_GOOD
    for webhook_id in late:
        reports[webhook_id].is_late = True
    return reports


# `moved` are the rows that are as they were when the statement began: that tells a breach that
# is new from one that was counted. The others are looked at one by one, under a lock.
# Replays are looked for by a subquery and not with NOT EXISTS: that could become a join which
# reads all replays for each row, when the planner does not know yet that there are many.
_WRITE = f"""
WITH o AS (
    SELECT * FROM unnest(
        %b::uuid[], %b::bigint[], %b::timestamptz[], %b::bool[],
        %b::int[], %b::int[], %b::text[], %b::timestamptz[], %b::timestamptz[],
        %b::timestamptz[], %b::float8[], %b::int[], %b::text[], %b::text[], %b::text[],
        %b::text[], %b::text[], %b::bool[], %b::text[]
    ) AS o(id, webhook_id, hour, is_test,
           token, attempt, state, next_at, started_at, ended_at, duration_ms, status, error,
           detail, address, request_headers, response_headers, body_truncated, body)
), moved AS (
    UPDATE delivery_delivery AS d
    SET state = o.state, next_attempt_at = o.next_at, lease_until = NULL, lost_leases = 0,
        finished_at = CASE WHEN o.next_at IS NULL THEN o.ended_at END,
        first_attempt_at = CASE WHEN o.attempt = 1 THEN o.started_at
                                ELSE coalesce(d.first_attempt_at, o.started_at) END,
        last_status = o.status, last_error = o.error, last_duration_ms = o.duration_ms,
        sla_breached_at = CASE WHEN o.state = 'delivered' AND o.ended_at < d.sla_due_at THEN NULL
                               WHEN d.sla_breached_at IS NULL AND d.sla_due_at <= o.ended_at
                               THEN d.sla_due_at ELSE d.sla_breached_at END
    FROM o JOIN delivery_delivery AS was ON was.id = o.id
    WHERE d.id = o.id AND d.lease_token = o.token
      AND d.state IN ('in_flight', 'retrying', 'pending')
      AND d.sla_breached_at IS NOT DISTINCT FROM was.sla_breached_at
    RETURNING o.id, o.token, o.webhook_id, o.hour, o.is_test, d.event_id, d.state,
        (extract(epoch FROM o.ended_at - d.created_at) * 1000000)::bigint AS time_us,
        (d.sla_breached_at IS NOT NULL)::int - (was.sla_breached_at IS NOT NULL)::int AS breaches
), logged AS (
    INSERT INTO delivery_attempt (delivery_id, number, started_at, duration_ms, address,
        request_headers, status, response_headers, response_body, body_truncated, error, detail)
    SELECT id, attempt, started_at, duration_ms, address, request_headers, status,
        response_headers, body, body_truncated, error, detail FROM o
), ended AS (
    SELECT * FROM moved AS m
    WHERE NOT is_test AND state IN ({", ".join(f"'{state.value}'" for state in tally.COUNTED)})
      AND (SELECT r.id FROM delivery_delivery AS r
           WHERE r.webhook_id = m.webhook_id AND r.event_id = m.event_id
             AND r.is_replay AND r.id > m.id LIMIT 1) IS NULL
), change(webhook_id, hour, what, count, total_ms) AS (
    SELECT webhook_id, hour,
        's' || coalesce(status::text, CASE WHEN error = '' THEN '+'
            WHEN error IN ({", ".join(f"'{error.value}'" for error in sorted(ANSWERS))}) THEN '!'
            ELSE '-' END),
        1, 0
    FROM o WHERE NOT is_test
    UNION ALL
    SELECT webhook_id, hour, '{tally.BREACH}', breaches, 0 FROM moved
    WHERE NOT is_test AND breaches <> 0
    UNION ALL
    SELECT webhook_id, hour, state, 1, CASE WHEN state = 'delivered' THEN time_us / 1000.0
                                            ELSE 0 END FROM ended
    UNION ALL
    SELECT webhook_id, hour, 't' || width_bucket(time_us, '{{{",".join(map(str, BOUNDS_US))}}}'),
        1, 0 FROM ended WHERE state = 'delivered'
), tallied AS (
    INSERT INTO delivery_tally (webhook_id, hour, what, shard, count, total_ms)
    SELECT webhook_id, hour, what, %b::smallint, sum(count), sum(total_ms) FROM change
    GROUP BY 1, 2, 3 HAVING sum(count) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (webhook_id, hour, what, shard) DO UPDATE
    SET count = delivery_tally.count + excluded.count,
        total_ms = delivery_tally.total_ms + excluded.total_ms
)
SELECT id, token, NULL::bigint FROM (
    SELECT id, token FROM o EXCEPT SELECT id, token FROM moved
) AS unmoved
UNION ALL
SELECT DISTINCT NULL::uuid, NULL::int, webhook_id FROM moved
WHERE breaches > 0 AND NOT is_test
  AND state NOT IN ({", ".join(f"'{state.value}'" for state in REFUSED)})
"""  # noqa: S608  of constants


def _write_together(batch: Sequence[Outcome]) -> tuple[set[int], list[Outcome]]:
    """Log all, and move in the same statement those whose claim holds.

    Answers the webhooks that were late, and the outcomes that were not moved.
    """
    columns = zip(
        *(
            (
                o.row.delivery_id,
                o.row.webhook_id,
                hour_of(o.row.ingested_at),
                o.row.is_test,
                o.row.token,
                o.row.attempt,
                o.decision.state.value,
                o.decision.next_attempt_at,
                o.started_at,
                o.ended_at,
                o.result.duration_ms,
                o.result.status,
                str(o.result.error or ""),
                o.result.detail,
                o.result.address or "",
                o.request_headers,
                json.dumps(o.result.headers),
                o.result.body_truncated,
                o.result.body,
            )
            for o in batch
        ),
        strict=True,
    )
    rows = fetch(_WRITE, [*(list(column) for column in columns), tally.own_shard()])
    late = {webhook_id for _, _, webhook_id in rows if webhook_id is not None}
    left = {(row_id, token) for row_id, token, webhook_id in rows if webhook_id is None}
    return late, [o for o in batch if (o.row.delivery_id, o.row.token) in left] if left else []


def _move_each(outcomes: Sequence[Outcome], change: tally.Change) -> set[int]:
    """Move those whose claim holds, and the late successes; count what came of each.

    Answers the webhooks that were late.
    """
    if not outcomes:
        return set()
    ids = {o.row.delivery_id for o in outcomes}
    # In one order everywhere, so that two transactions do not wait for each other.
    held = Delivery.objects.select_for_update().filter(id__in=ids).order_by("id")
    rows = {delivery.id: delivery for delivery in held}
    countable = tally.countable(Delivery.objects.filter(id__in=ids)).values_list("id", flat=True)
    counted = set(countable)
    late = set()
    for o in outcomes:
        delivery = rows.get(o.row.delivery_id)
        if delivery is not None and _may_move(delivery, o):
            is_new_breach = _move(delivery, o, change, is_counted=delivery.id in counted)
            if is_new_breach and delivery.state not in REFUSED:
                late.add(delivery.webhook_id)
    return late


def _may_move(delivery: Delivery, o: Outcome) -> bool:
    is_ours = delivery.lease_token == o.row.token and delivery.state in OPEN
    is_late_success = o.decision.state is State.DELIVERED and delivery.state != State.DELIVERED
    return is_ours or is_late_success


def _move(delivery: Delivery, o: Outcome, change: tally.Change, *, is_counted: bool) -> bool:
    """Whether it breached its SLA, and that was not known; never of a test."""
    hour = hour_of(delivery.ingested_at)
    was_breached = delivery.sla_breached_at is not None
    if is_counted:
        change.add_ended(delivery, hour, -1)
    values = {
        "state": o.decision.state,
        "next_attempt_at": o.decision.next_attempt_at,
        "lease_until": None,
        "lost_leases": 0,
        "finished_at": o.ended_at if o.is_final else None,
        "first_attempt_at": o.started_at
        if o.row.attempt == 1
        else delivery.first_attempt_at or o.started_at,
        "last_status": o.result.status,
        "last_error": o.result.error or "",
        "last_duration_ms": o.result.duration_ms,
        "sla_breached_at": _breached_at(delivery, o),
    }
    for name, value in values.items():
        setattr(delivery, name, value)
    Delivery.objects.filter(id=delivery.id).update(**values)
    if is_counted:
        change.add_ended(delivery, hour)
    if o.row.is_test:
        return False
    breaches = (delivery.sla_breached_at is not None) - was_breached
    change.add(delivery.webhook_id, hour, tally.BREACH, breaches)
    return breaches > 0


def _breached_at(delivery: Delivery, o: Outcome) -> dt.datetime | None:
    due_at, breached_at = delivery.sla_due_at, delivery.sla_breached_at
    if due_at is None:
        return breached_at
    if o.decision.state is State.DELIVERED and o.ended_at < due_at:
        # In time, and recorded so late that the sweep had noted a breach meanwhile.
        return None
    return due_at if breached_at is None and due_at <= o.ended_at else breached_at


def _log(outcomes: Iterable[Outcome], change: tally.Change) -> None:
    Attempt.objects.bulk_create(_attempt_of(o) for o in outcomes)
    for o in outcomes:
        if not o.row.is_test:
            hour = hour_of(o.row.ingested_at)
            change.add(o.row.webhook_id, hour, tally.status(o.result.status, o.result.error or ""))


def _attempt_of(o: Outcome) -> Attempt:
    return Attempt(
        delivery_id=o.row.delivery_id,
        number=o.row.attempt,
        started_at=o.started_at,
        duration_ms=o.result.duration_ms,
        address=o.result.address or "",
        request_headers=o.request_headers,
        status=o.result.status,
        response_headers=json.dumps(o.result.headers),
        response_body=o.result.body,
        body_truncated=o.result.body_truncated,
        error=o.result.error or "",
        detail=o.result.detail,
    )
