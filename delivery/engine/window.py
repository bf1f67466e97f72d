"""The senders of one drain: one at first, more only while waiting is all that they do.

Sixteen senders at once on a fast receiver cost a quarter of the throughput; on a slow one they
are what makes it. So a sender is added when every one has been blocked in its request for over
five milliseconds and rows wait.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from delivery.engine.claim import Claimed

BLOCKED_S = 0.005


class Window:
    """Rows that wait in this process and the threads that send them.

    `send(row)` sends one; `left(slot)` is told when a sender has ended and its slot is free.
    `must_leave()` is asked before each row whether a sender should make room for others.
    """

    def __init__(
        self,
        *,
        send: Callable[[Claimed], None],
        left: Callable[[str], None],
        must_leave: Callable[[], bool],
    ) -> None:
        self._send = send
        self._left = left
        self._must_leave = must_leave
        self.changed = threading.Condition()
        self._rows: deque[Claimed] = deque()
        self._started: dict[str, float] = {}
        self._senders = 0
        self._closed = False
        self.sent = 0

    @property
    def senders(self) -> int:
        return self._senders

    @property
    def waiting(self) -> int:
        return len(self._rows)

    def feed(self, rows: Sequence[Claimed]) -> None:
        """Suspects come first: one that waited would be taken for what killed its worker."""
        with self.changed:
            self._rows.extend(row for row in rows if not row.is_suspect)
            self._rows.extendleft(row for row in reversed(rows) if row.is_suspect)
            self.changed.notify_all()

    def add_sender(self, slot: str) -> None:
        """Raises RuntimeError when the process can not have one more thread."""
        with self.changed:
            self._senders += 1
        try:
            threading.Thread(target=self._work, args=(slot,), name="sender", daemon=True).start()
        except BaseException:
            with self.changed:
                self._senders -= 1
            raise

    def is_blocked(self) -> bool:
        """Whether rows wait and every sender has been in its request for BLOCKED_S."""
        with self.changed:
            if not self._rows or len(self._started) < self._senders:
                return False
            since = time.monotonic() - BLOCKED_S
            return all(started < since for started in self._started.values())

    def wait(self, *, low_water: int, timeout_s: float | None) -> None:
        """Until fewer than `low_water` rows wait, no sender is left, or the time is over."""
        with self.changed:
            self.changed.wait_for(
                lambda: len(self._rows) < low_water or not self._senders, timeout_s
            )

    def take_back(self) -> list[Claimed]:
        """The rows that no sender has begun."""
        with self.changed:
            rows = list(self._rows)
            self._rows.clear()
            return rows

    def close(self) -> None:
        """Let each sender end when no row waits any more."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def _work(self, slot: str) -> None:
        try:
            while (row := self._next(slot)) is not None:
                try:
                    self._send(row)
                finally:
                    with self.changed:
                        del self._started[slot]
                        self.sent += 1
        except BaseException:
            with self.changed:
                self._senders -= 1
                self.changed.notify_all()
            raise
        finally:
            self._left(slot)

    def _next(self, slot: str) -> Claimed | None:
        """The next row; None when the sender is to end, and then it counts no more.

        Asked and counted under one lock: of three senders where one is too many, one leaves.
        And one that waited for rows while the limit fell must not take any.
        """
        with self.changed:
            if not self._rows and not self._must_leave():
                self.changed.wait_for(lambda: self._rows or self._closed)
            if not self._rows or self._must_leave():
                self._senders -= 1
                self.changed.notify_all()
                return None
            row = self._rows.popleft()
            self._started[slot] = time.monotonic()
            self.changed.notify_all()
            return row
