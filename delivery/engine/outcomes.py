"""The one writer of a process: what came of each attempt, gathered and written together.

A row's outcome demands the token of its claim. One exception: a 2xx of a worker that had been
given up for dead makes the delivery delivered all the same, since the receiver has it.
"""

import datetime as dt
import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import django.db
import structlog
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Least

from delivery.engine import circuit, health
from delivery.engine.claim import Claimed
from delivery.engine.failpoints import failpoint
from delivery.engine.owner import drop_broken_connection
from delivery.engine.retry import Decision
from delivery.models import OPEN, Attempt, Delivery, State
from delivery.transport.result import Result
from organizations.database import fetch, is_postgresql

log = structlog.get_logger(__name__)

GATHER_S = 0.01
MOST_ROWS = 200
RETRY_PAUSE_S = 0.25
# What the database refuses however often it is asked; other errors pass.
UNWRITABLE = (django.db.DataError, django.db.IntegrityError)


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


class Writer:
    """Writes outcomes in the background; `put` never waits.

    A batch that the database does not take is tried again while any of its leases lasts; after
    that the sweep makes the rows due again. An outcome that no database takes does not keep the
    others of its batch from being written.
    """

    def __init__(self, on_change: Callable[[set[int]], None] = lambda _: None) -> None:
        self._on_change = on_change
        self._queue: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
        self._written = threading.Condition()
        self._waiting = 0
        self._thread = threading.Thread(target=self._work, name="outcomes", daemon=True)
        self._thread.start()

    def put(self, outcome: Outcome) -> None:
        with self._written:
            self._waiting += 1
        self._queue.put(outcome)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that was put is written or given up. Whether it was in time."""
        with self._written:
            return self._written.wait_for(lambda: self._waiting == 0, timeout_s)

    def stop(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            until = time.monotonic() + GATHER_S
            ends = False
            while len(batch) < MOST_ROWS and (left := until - time.monotonic()) > 0:
                try:
                    item = self._queue.get(timeout=left)
                except queue.Empty:
                    break
                if item is None:
                    ends = True
                    break
                batch.append(item)
            self._write(batch)
            with self._written:
                self._waiting -= len(batch)
                self._written.notify_all()
            if ends:
                break
        django.db.connections.close_all()

    def _write(self, batch: list[Outcome]) -> None:
        pause = threading.Event()
        while batch:
            try:
                failpoint("before_record")
                changed = write(batch)
            except Exception as error:  # noqa: BLE001  nobody else records: the thread must live
                drop_broken_connection()
                if not isinstance(error, django.db.Error) or isinstance(error, UNWRITABLE):
                    self._write_one_by_one(batch, error)
                    return
                log.warning("outcomes_not_written", rows=len(batch), error=type(error).__name__)
                pause.wait(RETRY_PAUSE_S)
                batch = self._still_leased(batch)
            else:
                failpoint("after_record")
                self._tell(changed)
                return

    def _write_one_by_one(self, batch: list[Outcome], error: Exception) -> None:
        if len(batch) == 1:
            delivery = str(batch[0].row.delivery_id)
            log.error("outcome_not_writable", delivery=delivery, exc_info=error)
            return
        for outcome in batch:
            self._write([outcome])

    def _still_leased(self, batch: list[Outcome]) -> list[Outcome]:
        left = [outcome for outcome in batch if outcome.row.lease_left_s > 0]
        if len(left) < len(batch):
            log.error("outcomes_given_up", rows=len(batch) - len(left))
        return left

    def _tell(self, changed: set[int]) -> None:
        try:
            self._on_change(changed)
        except Exception:
            log.exception("health_not_told")


def write(batch: Sequence[Outcome]) -> set[int]:
    """Log the attempts, move the deliveries, keep the webhooks' health: one transaction.

    Answers the webhooks whose health changed.
    """
    with transaction.atomic():
        if is_postgresql():
            _write_postgresql(batch)
        else:
            _write_each(batch)
        verdicts: dict[int, list[str]] = {}
        for outcome in batch:
            verdicts.setdefault(outcome.row.webhook_id, []).append(circuit.verdict(outcome.result))
            if outcome.decision.deactivates:
                health.deactivate(outcome.row.webhook_id, "The receiver answered 410 Gone.")
        return health.record(verdicts)


_WRITE = """
WITH o AS (
    SELECT * FROM unnest(
        %b::uuid[], %b::int[], %b::int[], %b::text[], %b::timestamptz[], %b::timestamptz[],
        %b::timestamptz[], %b::float8[], %b::int[], %b::text[], %b::text[], %b::text[],
        %b::text[], %b::text[], %b::bool[], %b::text[]
    ) AS o(id, token, attempt, state, next_at, started_at, ended_at, duration_ms, status, error,
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
    FROM o
    WHERE d.id = o.id
      AND ((d.lease_token = o.token AND d.state IN ('in_flight', 'retrying', 'pending'))
           OR (o.state = 'delivered' AND d.state <> 'delivered'))
)
INSERT INTO delivery_attempt (delivery_id, number, started_at, duration_ms, address,
    request_headers, status, response_headers, response_body, body_truncated, error, detail)
SELECT id, attempt, started_at, duration_ms, address, request_headers, status, response_headers,
       body, body_truncated, error, detail FROM o
"""


def _write_postgresql(batch: Sequence[Outcome]) -> None:
    columns = zip(
        *(
            (
                o.row.delivery_id,
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
    fetch(_WRITE, [list(column) for column in columns])


def _write_each(batch: Sequence[Outcome]) -> None:
    for o in batch:
        is_ours = Q(lease_token=o.row.token, state__in=OPEN)
        if o.decision.state is State.DELIVERED:
            is_ours |= ~Q(state=State.DELIVERED)
        breached = [When(sla_breached_at=None, sla_due_at__lte=o.ended_at, then=F("sla_due_at"))]
        if o.decision.state is State.DELIVERED:
            # In time, and recorded so late that the sweep had noted a breach meanwhile.
            breached.append(When(sla_due_at__gt=o.ended_at, then=None))
        Delivery.objects.filter(is_ours, id=o.row.delivery_id).update(
            state=o.decision.state,
            next_attempt_at=o.decision.next_attempt_at,
            lease_until=None,
            lost_leases=0,
            finished_at=o.ended_at if o.is_final else None,
            first_attempt_at=o.started_at
            if o.row.attempt == 1
            else Least(F("first_attempt_at"), Value(o.started_at)),
            last_status=o.result.status,
            last_error=o.result.error or "",
            last_duration_ms=o.result.duration_ms,
            sla_breached_at=Case(*breached, default=F("sla_breached_at")),
        )
    Attempt.objects.bulk_create(_attempt_of(o) for o in batch)


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
