"""How many requests of this process may be in flight, and for whom.

A webhook is slow when it has not proved itself, fails, or keeps a request waiting for over two
seconds. All the slow ones share a part of the process's senders; the proven ones have the rest.
So two hundred hanging receivers leave room for the healthy one.
"""

import threading
import time
from collections.abc import Collection

SLOW_SHARE = 0.3
SLOW_AFTER_S = 2.0
LEAST_SLOW = 2


class Capacity:
    """Places for senders: `senders` in all."""

    def __init__(self, senders: int) -> None:
        self._senders = senders
        self._slow_senders = max(1, int(senders * SLOW_SHARE))
        self._lock = threading.Lock()
        self._count: dict[int, int] = {}
        self._total = 0
        self._unproven: set[int] = set()
        self._slow: set[int] = set()
        self._started: dict[int, dict[int, float]] = {}

    def enter(self, webhook_id: int, *, proven: bool) -> bool:
        """Take a place for one more sender of the webhook. False when its share is used up.

        A webhook's first sender needs only any free place: what is unproven is to be tried.
        """
        with self._lock:
            (self._unproven.discard if proven else self._unproven.add)(webhook_id)
            own = self._count.get(webhook_id, 0)
            if self._total >= self._senders:
                return False
            if own and self._is_slow(webhook_id) and not self._has_slow_place(own):
                return False
            self._count[webhook_id] = own + 1
            self._total += 1
            return True

    def leave(self, webhook_id: int) -> None:
        with self._lock:
            self._total -= 1
            self._count[webhook_id] -= 1
            if not self._count[webhook_id]:
                del self._count[webhook_id]
                self._unproven.discard(webhook_id)

    def must_leave(self, webhook_id: int) -> bool:
        """Whether a sender that has just ended a request should give its place to others."""
        with self._lock:
            own = self._count.get(webhook_id, 0)
            return own > 1 and self._is_slow(webhook_id) and own > self._slow_share()

    def started(self, webhook_id: int, sender: int) -> None:
        with self._lock:
            self._started.setdefault(webhook_id, {})[sender] = time.monotonic()

    def ended(self, webhook_id: int, sender: int) -> None:
        with self._lock:
            started = self._started[webhook_id]
            del started[sender]
            if not started:
                del self._started[webhook_id]

    def watch(self) -> None:
        """Tell slow from fast by the age of what is in flight; call it a few times a second."""
        oldest = time.monotonic() - SLOW_AFTER_S
        with self._lock:
            self._slow = {
                webhook_id
                for webhook_id, started in self._started.items()
                if min(started.values()) < oldest
            }

    def in_flight(self) -> int:
        with self._lock:
            return sum(len(started) for started in self._started.values())

    def busy(self) -> Collection[int]:
        with self._lock:
            return set(self._count)

    def _is_slow(self, webhook_id: int) -> bool:
        return webhook_id in self._slow or webhook_id in self._unproven

    def _has_slow_place(self, own: int) -> bool:
        taken = sum(count for key, count in self._count.items() if self._is_slow(key))
        return own < self._slow_share() and taken < max(self._slow_senders, LEAST_SLOW)

    def _slow_share(self) -> int:
        slow = sum(1 for webhook_id in self._count if self._is_slow(webhook_id))
        return max(LEAST_SLOW, self._slow_senders // max(slow, 1))
