"""Connections kept open between sends, by what they lead to.

That is an origin for HTTP, and for queues the whole URL: a connection belongs to its credentials.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Kept(Protocol):
    """`idle_since` is a reading of `time.monotonic`, None before the first use has ended."""

    is_answered: bool
    idle_since: float | None

    def is_quiet(self) -> bool: ...

    def close(self) -> None: ...


Key = TypeVar("Key", bound=Hashable)
Link = TypeVar("Link", bound=Kept)


class Pool(Generic[Key, Link]):
    """Idle connections by what they lead to, within bounds for each, for all, and for their age.

    The one used last is used next, so that what is superfluous grows old and goes. The lock is
    held for moments, never while a socket is read, written or closed.
    """

    def __init__(self, *, per_origin: int, total: int, idle_s: float) -> None:
        self._per_origin = per_origin
        self._total = total
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._by_origin: dict[Key, deque[Link]] = {}  # the oldest on the left
        self._by_age: OrderedDict[Link, Key] = OrderedDict()  # the oldest first
        self._is_closed = False

    def take(self, origin: Key) -> Link | None:
        """A connection that the receiver has not closed, as far as can be seen; None if none."""
        while True:
            with self._lock:
                wires = self._by_origin.get(origin)
                if not wires:
                    return None
                wire = wires.pop()
                del self._by_age[wire]
                if not wires:
                    del self._by_origin[origin]
            if not self._is_expired(wire, time.monotonic()) and wire.is_quiet():
                wire.is_answered = False
                return wire
            wire.close()

    def give(self, origin: Key, wire: Link) -> None:
        """Keep a connection whose response was read to its end."""
        now = wire.idle_since = time.monotonic()
        surplus = []
        with self._lock:
            if self._is_closed or not self._per_origin:
                surplus.append(wire)
            else:
                wires = self._by_origin.setdefault(origin, deque())
                wires.append(wire)
                self._by_age[wire] = origin
                if len(wires) > self._per_origin:
                    surplus.append(self._drop(wires[0]))
                while len(self._by_age) > self._total:
                    surplus.append(self._drop(next(iter(self._by_age))))
            surplus += self._drop_expired(now)
        for dropped in surplus:
            dropped.close()

    def drop_expired(self) -> None:
        """Close what was kept for too long; `give` does so too, while there is traffic."""
        with self._lock:
            expired = self._drop_expired(time.monotonic())
        for dropped in expired:
            dropped.close()

    def close(self) -> None:
        """Close what is idle, and from now on whatever is given back."""
        with self._lock:
            self._is_closed = True
            wires = list(self._by_age)
            self._by_age.clear()
            self._by_origin.clear()
        for wire in wires:
            wire.close()

    def _drop_expired(self, now: float) -> list[Link]:
        """The lock is held."""
        dropped = []
        while self._by_age and self._is_expired(oldest := next(iter(self._by_age)), now):
            dropped.append(self._drop(oldest))
        return dropped

    def _drop(self, wire: Link) -> Link:
        """Forget the oldest of its origin; the lock is held."""
        origin = self._by_age.pop(wire)
        wires = self._by_origin[origin]
        wires.popleft()
        if not wires:
            del self._by_origin[origin]
        return wire

    def _is_expired(self, wire: Link, now: float) -> bool:
        return wire.idle_since is not None and now - wire.idle_since > self._idle_s
