"""The one writer of a process: what came of each attempt, gathered and written together."""

import queue
import threading
import time
from collections.abc import Callable

import django.db
import structlog

from delivery.engine.failpoints import failpoint
from delivery.engine.owner import drop_broken_connection
from delivery.engine.record import Outcome, write

log = structlog.get_logger(__name__)

GATHER_S = 0.01
MOST_ROWS = 200
RETRY_PAUSE_S = 0.25
# What the database refuses however often it is asked; other errors pass.
UNWRITABLE = (django.db.DataError, django.db.IntegrityError)


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
