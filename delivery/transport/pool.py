"""Connections kept open between sends."""

import threading
import time
from collections import OrderedDict, deque

from delivery.transport.origin import Origin
from delivery.transport.wire import Wire


class Pool:
    """Idle connections by origin, within bounds for each, for all, and for their age.

    The one used last is used next, so that what is superfluous grows old and goes. The lock is
    held for moments, never while a socket is read, written or closed.
    """

    def __init__(self, *, per_origin: int, total: int, idle_s: float) -> None:
        self._per_origin = per_origin
        self._total = total
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._by_origin: dict[Origin, deque[Wire]] = {}  # the oldest on the left
        self._by_age: OrderedDict[Wire, Origin] = OrderedDict()  # the oldest first
        self._is_closed = False

    def take(self, origin: Origin) -> Wire | None:
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

    def give(self, origin: Origin, wire: Wire) -> None:
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
            while self._by_age and self._is_expired(oldest := next(iter(self._by_age)), now):
                surplus.append(self._drop(oldest))
        for dropped in surplus:
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

    def _drop(self, wire: Wire) -> Wire:
        """Forget the oldest of its origin; the lock is held."""
        origin = self._by_age.pop(wire)
        wires = self._by_origin[origin]
        wires.popleft()
        if not wires:
            del self._by_origin[origin]
        return wire

    def _is_expired(self, wire: Wire, now: float) -> bool:
        return wire.idle_since is not None and now - wire.idle_since > self._idle_s
