"""One row, one request, one outcome."""

import json
import random
from collections.abc import Callable

import structlog

from delivery.engine.capacity import Capacity
from delivery.engine.claim import LEASE_S, Claimed
from delivery.engine.failpoints import failpoint
from delivery.engine.record import Outcome
from delivery.engine.retry import decide
from delivery.engine.targets import Target, Targets
from delivery.transport.door import Door, build
from delivery.transport.request import masked_headers

log = structlog.get_logger(__name__)

# Tells the receiver, and whoever reads the log, that the payload should have had more in it.
MISSED_HEADER = "webhook-enrichment"


class Sender:
    """Sends claimed rows and hands on what came of them.

    `record` takes outcomes, `give_back` rows that were not sent.
    """

    def __init__(
        self,
        *,
        door: Door,
        targets: Targets,
        capacity: Capacity,
        record: Callable[[Outcome], None],
        give_back: Callable[[list[Claimed]], None],
    ) -> None:
        self._door = door
        self._targets = targets
        self._capacity = capacity
        self._record = record
        self._give_back = give_back

    def send(self, row: Claimed) -> None:
        """Never raises. A row that can not be sent now is given back, or left to its lease."""
        target = self._targets.known(row.webhook_id)
        if target is None or not _is_ready(row, target):
            self._give_back([row])
            return
        try:
            outcome = self._attempt(row, target)
        except Exception:
            # The lease ends, the sweep makes the row due; the third time it is quarantined.
            log.exception("attempt_broke", delivery=str(row.delivery_id), webhook=row.webhook_id)
            return
        self._record(outcome)

    def _attempt(self, row: Claimed, target: Target) -> Outcome:
        destination = target.destination
        assert destination is not None  # noqa: S101  the caller looked; this tells the type checker
        started_at = row.reading.now()
        request = build(
            destination,
            event_id=row.event_id,
            timestamp_s=int(started_at.timestamp()),
            body=row.payload.encode(),
        )
        if row.missed:
            request.headers[MISSED_HEADER] = row.missed
        failpoint("before_send")
        sender = id(request)
        self._capacity.started(row.webhook_id, sender)
        try:
            result = self._door.post(destination, request)
        finally:
            self._capacity.ended(row.webhook_id, sender)
        failpoint("after_send")
        ended_at = row.reading.now()
        decision = decide(
            result,
            target.rules,
            attempt=row.attempt,
            now=ended_at,
            expires_at=row.expires_at,
            chance=random.random(),  # noqa: S311  jitter
        )
        headers = json.dumps(masked_headers(request.headers), ensure_ascii=False)
        return Outcome(row, started_at, ended_at, headers, result, decision)


def _is_ready(row: Claimed, target: Target) -> bool:
    """Whether it can be sent now, as the webhook wishes now.

    Not so when it was enriched for other settings; claimed again it has what the new ones wish.
    """
    return (
        target.destination is not None
        and (row.enriched_for is target.enrichment or row.enriched_for == target.enrichment)
        and _has_time(row, target)
    )


def _has_time(row: Claimed, target: Target) -> bool:
    """Whether the request will have ended before the lease does.

    Not so after the process was suspended, or when the rows before it took too long.
    """
    destination = target.destination
    longest_s = destination.timeout_s if destination is not None else LEASE_S
    return row.lease_left_s > longest_s + 5
