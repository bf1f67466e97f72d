"""Delivers what is due for one webhook, until nothing is or its turn is over."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from delivery.engine import circuit, health
from delivery.engine.capacity import Capacity
from delivery.engine.claim import give_back
from delivery.engine.failpoints import failpoint
from delivery.engine.owner import Owner
from delivery.engine.semaphore import Semaphore
from delivery.engine.sending import Sender
from delivery.engine.supply import MOST_ROWS, Pace, Supply
from delivery.engine.targets import Targets
from delivery.engine.wake import Waker
from delivery.engine.window import Window
from delivery.enrichment.payloads import LookUp
from organizations.redis import RedisAway

log = structlog.get_logger(__name__)

SLICE_S = 20.0
FIRST_SLOTS = 4
LONG_QUEUE_ROWS = 50
HELP_EVERY_S = 0.5
TICK_S = 0.005
IDLE_TICK_S = 0.25
EMPTY_CLAIMS = 10
RECORD_PAUSE_S = 0.05


@dataclass(frozen=True)
class Parts:
    """What the drains of a process share."""

    owner: Owner
    targets: Targets
    capacity: Capacity
    semaphore: Semaphore
    sender: Sender
    waker: Waker
    look_up: LookUp
    is_stopping: threading.Event


class Drain:
    """One turn for one webhook. `run` answers whether it ended with rows left to deliver."""

    def __init__(self, parts: Parts, webhook_id: int, pace: Pace) -> None:
        self._parts = parts
        self._webhook_id = webhook_id
        self._pace = pace
        self._free: list[str] = []
        self._slots_lock = threading.Lock()
        self._is_over = False
        self._is_probing = False
        self._taken_under = 0
        self._no_growth_until = 0.0
        self._next_call_at = 0.0
        self._began = time.monotonic()
        self._window = Window(
            send=parts.sender.send, left=self._sender_left, must_leave=self._must_leave
        )
        self._supply = Supply(
            webhook_id,
            owner=parts.owner,
            targets=parts.targets,
            look_up=parts.look_up,
            pace=pace,
        )

    def run(self, look_again: Callable[[], bool]) -> bool:
        """`look_again()` tells whether a wake-up came meanwhile, and lets the drain end if not."""
        if self._parts.targets.get(self._webhook_id) is None:
            self._parts.waker.looked(self._webhook_id)  # it may be activated the next moment
            return False
        share = self._share()
        if share == 0:
            return False
        try:
            self._take_slots(min(share, max(FIRST_SLOTS, self._pace.senders)), share)
        except RedisAway:
            try:
                self._deliver_without_redis()
            finally:
                self._end()
            return False
        if not self._free:
            return False
        try:
            if self._is_probe():
                self._send_probe()
                return False
            return self._deliver(look_again)
        finally:
            self._end()

    def _deliver(self, look_again: Callable[[], bool]) -> bool:
        self._start_senders(max(1, self._pace.senders // 2))
        looked = False
        while self._window.senders and not self._must_end():
            most = self._supply.most(self._window)
            if self._supply.feed(self._window, most) == most:
                looked = False
                self._call_for_help(most, share=self._share())
                self._wait_and_grow(low_water=max(most // 2, self._window.senders))
            elif not looked:
                self._parts.waker.looked(self._webhook_id)
                looked = True
            else:
                self._wait_and_grow(low_water=1)
                if not self._window.waiting and not look_again():
                    return False
                looked = False
        return self._must_end()

    def _call_for_help(self, rows: int, *, share: int) -> None:
        """Wake another process for a long queue: one core is not all that there is.

        Not where this drain holds every slot: the other would find none.
        """
        now = time.monotonic()
        held = self._window.senders + len(self._free)
        if rows >= LONG_QUEUE_ROWS and held < share and now >= self._next_call_at:
            self._next_call_at = now + HELP_EVERY_S
            self._parts.waker.soon([self._webhook_id], again=True)

    def _send_probe(self) -> None:
        # The row first: a probe that is taken and finds nothing to send keeps the circuit open.
        if self._supply.feed(self._window, 1) and self._take_probe():
            self._start_senders(1)
            self._window.wait(low_water=1, timeout_s=None)

    def _take_probe(self) -> bool:
        self._is_probing = self._parts.owner.run(lambda: health.take_probe(self._webhook_id))
        return self._is_probing

    def _wait_and_grow(self, low_water: int) -> None:
        """Until fewer than `low_water` rows wait, adding senders while all are blocked."""
        sent, since = self._window.sent, time.monotonic()
        while self._window.waiting >= low_water and not self._must_end():
            can_grow = self._window.senders < self._share()
            self._window.wait(low_water=low_water, timeout_s=TICK_S if can_grow else IDLE_TICK_S)
            if not self._window.senders and not self._start_senders(1):
                return
            if can_grow and self._window.is_blocked():
                self._grow()
        passed = time.monotonic() - since
        if passed > 0 and self._window.sent > sent:
            self._pace.rate = (self._window.sent - sent) / passed
        self._pace.senders = max(self._window.senders, 1)

    def _grow(self) -> None:
        now = time.monotonic()
        if now < self._no_growth_until:
            return
        senders = self._window.senders
        more = min(max(1, senders // 4), self._window.waiting, self._share() - senders)
        if more > 0 and not self._start_senders(more):
            self._no_growth_until = now + IDLE_TICK_S

    def _start_senders(self, count: int) -> int:
        """Start up to `count` senders, as far as slots and the process allow. How many."""
        target = self._parts.targets.known(self._webhook_id)
        proven = target is not None and target.health.is_proven
        started = 0
        while started < count:
            if not self._free:
                try:
                    self._take_slots(count - started, self._share())
                except RedisAway:
                    break
            with self._slots_lock:
                slot = self._free.pop() if self._free else None
            if slot is None:
                break
            if not self._parts.capacity.enter(self._webhook_id, proven=proven):
                with self._slots_lock:
                    self._free.append(slot)
                break
            try:
                self._window.add_sender(slot)
            except RuntimeError:  # no thread to be had: the process makes do with those it has
                self._sender_left(slot)
                break
            started += 1
        return started

    def _take_slots(self, want: int, share: int) -> None:
        if want > 0 and share > 0:
            slots = self._parts.semaphore.take(self._webhook_id, share, want)
            self._taken_under = max(self._taken_under, share)
            with self._slots_lock:
                self._free.extend(slots)

    def _sender_left(self, slot: str) -> None:
        self._parts.capacity.leave(self._webhook_id)
        with self._slots_lock:
            if not self._is_over:
                self._free.append(slot)
                return
        self._release([slot])

    def _release(self, slots: list[str]) -> None:
        failpoint("before_release")
        if slots and self._parts.semaphore.release(self._webhook_id, slots):
            self._parts.waker.soon([self._webhook_id], again=True)

    def _end(self) -> None:
        """Give back what was not begun; the senders end by themselves with what is in flight."""
        rows = self._window.take_back()
        self._window.close()
        with self._slots_lock:
            self._is_over = True
            free, self._free = self._free, []
        try:
            if rows:
                self._parts.owner.run(lambda: give_back(rows))
        finally:  # kept slots would be renewed for ever
            self._release(free)

    def _must_end(self) -> bool:
        return (
            self._parts.is_stopping.is_set()
            or time.monotonic() - self._began > SLICE_S
            or self._share() < max(self._taken_under, 1)
        )

    def _must_leave(self) -> bool:
        if self._parts.is_stopping.is_set():
            return True
        if self._is_probing:  # the circuit is open for all others, and so the share is 0
            return False
        # Slots that were taken under a higher share are too many together with other workers'.
        return self._share() < max(
            self._taken_under, self._window.senders
        ) or self._parts.capacity.must_leave(self._webhook_id)

    def _share(self) -> int:
        """How many connections the webhook may use over all workers; 0: none, for now."""
        target = self._parts.targets.known(self._webhook_id)
        if target is None or target.destination is None:
            return 0
        return circuit.share(target.health, target.limit, target.reading.now())

    def _is_probe(self) -> bool:
        target = self._parts.targets.known(self._webhook_id)
        return target is not None and target.health.open_until is not None

    def _deliver_without_redis(self) -> None:
        """The rows are the semaphore: each claimed one has its sender and ends before another.

        Until Redis is back: the two kinds of limit do not know of each other.
        """
        webhook_id, parts = self._webhook_id, self._parts
        empty = 0
        while parts.semaphore.is_away and empty < EMPTY_CLAIMS and not self._must_end():
            most, is_probe = min(self._share(), MOST_ROWS), self._is_probe()
            rows = self._supply.feed_within(self._window, most)
            empty = 0 if rows else empty + 1
            if not rows:  # what was sent may not be recorded yet
                parts.is_stopping.wait(RECORD_PAUSE_S)
                continue
            if is_probe and not self._take_probe():
                break
            # Those in flight and these rows are `most` together: no more senders are needed.
            missing = min(rows, most - self._window.senders)
            with self._slots_lock:
                self._free += parts.semaphore.take_unregistered(
                    webhook_id, missing - len(self._free)
                )
            self._start_senders(missing)
            left_s = self._began + SLICE_S - time.monotonic()
            self._window.wait(low_water=1, timeout_s=max(left_s, 0.0))
            if self._window.waiting or is_probe:
                break
