"""The engine of one worker process: its parts, its threads, its start and its end."""

import random
import threading
import time
import uuid
from collections.abc import Sequence

import django.db
import structlog
from django.conf import settings

from delivery.alerts import telling
from delivery.engine import sweep
from delivery.engine.capacity import Capacity
from delivery.engine.claim import Claimed, any_in_flight, give_back
from delivery.engine.drain import Drain, Parts
from delivery.engine.outcomes import Writer
from delivery.engine.owner import Owner, OwnerStopped, drop_broken_connection
from delivery.engine.semaphore import Semaphore
from delivery.engine.sending import Sender
from delivery.engine.supply import Pace
from delivery.engine.targets import FRESH_S, Targets
from delivery.engine.wake import Waker
from delivery.enrichment.lookups import Lookups
from delivery.enrichment.provider import new_provider
from delivery.guarding import installation_guard
from delivery.transport.door import Door as TransportDoor
from organizations.redis import Door as RedisDoor

log = structlog.get_logger(__name__)

STOP_S = 35.0
MOST_LOCAL_DRAINS = 64
RECENT_S = 5.0


class _Turn:
    """One drain that runs; the next one for its webhook may begin while this one ends."""

    def __init__(self) -> None:
        self.was_woken = False


class Engine:
    """Drains webhooks on demand and, once started, sweeps and keeps watch."""

    def __init__(self, waker: Waker, redis: RedisDoor) -> None:
        self._redis = redis
        self._waker = waker
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._active: dict[int, _Turn] = {}
        self._paces: dict[int, Pace] = {}
        self._local_drains = threading.Semaphore(MOST_LOCAL_DRAINS)
        self._telling = threading.Lock()
        self._owner = Owner("claims")
        self._targets = Targets(self._owner.run)
        self._capacity = Capacity(settings.SENDERS)
        self._semaphore = Semaphore(redis)
        self._writer = Writer(self._targets_changed)
        self._lookups = Lookups(new_provider(settings.ENRICHMENT_PROVIDER))
        self._door = TransportDoor(
            guard=installation_guard(),
            ca_bundle=settings.CA_BUNDLE or None,
            pool_size=100,
            max_kept=settings.SENDERS,
        )
        sender = Sender(
            door=self._door,
            targets=self._targets,
            capacity=self._capacity,
            record=self._writer.put,
            give_back=self._give_back,
        )
        self._parts = Parts(
            self._owner,
            self._targets,
            self._capacity,
            self._semaphore,
            sender,
            waker,
            self._lookups.look_up,
            self._is_stopping,
        )

    def start(self) -> None:
        """Begin to sweep and to watch, in threads of their own."""
        try:
            self._semaphore.ensure_epoch(nobody_holds=not self._owner.run(any_in_flight))
        except django.db.Error as error:
            log.warning("start_without_database", error=type(error).__name__)
        if settings.MAIL is None:
            log.warning("mail_not_set_up", hint="Nobody is mailed of alerts; set EMAIL_URL.")
        for work in (self._sweep, self._watch):
            thread = threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True)
            thread.start()
            self._threads.append(thread)

    def drain(self, webhook_id: int) -> None:
        """Deliver what is due for the webhook; a call meanwhile makes this one look again."""
        with self._lock:
            if webhook_id in self._active:
                self._active[webhook_id].was_woken = True
                return
            turn = self._active[webhook_id] = _Turn()
            pace = self._paces.setdefault(webhook_id, Pace())
            pace.used_at_s = time.monotonic()
        has_more = False
        try:
            has_more = Drain(self._parts, webhook_id, pace).run(
                lambda: self._look_again(webhook_id, turn)
            )
        except OwnerStopped:
            return
        except django.db.Error as error:
            log.warning("drain_without_database", webhook=webhook_id, error=type(error).__name__)
        finally:
            with self._lock:
                if self._active.get(webhook_id) is turn:
                    del self._active[webhook_id]
        if has_more and not self._is_stopping.is_set():
            self._waker.soon([webhook_id], again=True)

    def settle(self, timeout_s: float) -> bool:
        """Wait until nothing is in flight and everything is recorded. Whether it was in time."""
        until = time.monotonic() + timeout_s
        pause = threading.Event()
        while self._is_busy() and time.monotonic() < until:
            pause.wait(0.02)
        return self._writer.flush(max(until - time.monotonic(), 1.0)) and not self._capacity.busy()

    def _is_busy(self) -> bool:
        """At the end also while a drain has rows to give back or slots to release.

        Others would have to wait for their leases to end.
        """
        if self._capacity.busy():
            return True
        return self._is_stopping.is_set() and bool(self._active or self._semaphore.held())

    def begin_stop(self) -> None:
        """Start nothing new; what waits is given back, what is in flight goes on."""
        self._is_stopping.set()

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """End after what is in flight, `timeout_s` later at most. Whether all was recorded."""
        self.begin_stop()
        all_recorded = self.settle(timeout_s)
        for thread in self._threads:
            thread.join(timeout=10)
        self._semaphore.stop()
        self._writer.stop()
        self._lookups.stop()
        self._owner.stop()
        self._door.close()
        return all_recorded

    def _look_again(self, webhook_id: int, turn: "_Turn") -> bool:
        """Whether a wake-up came while the drain ran; if not, the drain is over from now on."""
        with self._lock:
            if turn.was_woken:
                turn.was_woken = False
                return True
            if self._active.get(webhook_id) is turn:
                del self._active[webhook_id]
            return False

    def _give_back(self, rows: list[Claimed]) -> None:
        try:
            self._owner.run(lambda: give_back(rows))
        except (django.db.Error, OwnerStopped) as error:
            log.warning("claims_left_to_lease", rows=len(rows), error=type(error).__name__)

    def _targets_changed(self, webhook_ids: set[int]) -> None:
        """A new health is obeyed at once, and not with the next look."""
        try:
            if webhook_ids:
                self._targets.refresh(webhook_ids)
        except (django.db.Error, OwnerStopped):
            return  # the watch looks again

    def _sweep(self) -> None:
        passes = sweep.Sweep(f"{uuid.uuid4().hex[:12]}", self._wake_due, self._tell_alerts)
        while not self._is_stopping.wait(sweep.sleep_s(random.random())):  # noqa: S311  jitter
            try:
                passes.run()
            except django.db.Error as error:
                log.warning("sweep_without_database", error=type(error).__name__)
                drop_broken_connection()
            except Exception:  # the thread must live: it is the path for all that went wrong
                log.exception("sweep_broke")
        django.db.connections.close_all()

    def _wake_due(self, webhook_ids: Sequence[int]) -> None:
        if not self._redis.is_away:
            self._waker.soon(webhook_ids)
            if self._waker.is_heard:
                return
        for webhook_id in webhook_ids:
            if not self._local_drains.acquire(blocking=False):
                return
            drain = threading.Thread(target=self._drain_here, args=(webhook_id,), daemon=True)
            try:
                drain.start()
            except RuntimeError:  # no thread to be had
                self._local_drains.release()
                return

    def _drain_here(self, webhook_id: int) -> None:
        try:
            self.drain(webhook_id)
        finally:
            self._local_drains.release()

    def _tell_alerts(self) -> None:
        """In a thread of its own: a mail server may take long, and the sweep must go on."""
        if not self._telling.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._tell_alerts_here, name="alerts", daemon=True).start()
        except RuntimeError:  # no thread to be had
            self._telling.release()

    def _tell_alerts_here(self) -> None:
        try:
            telling.tell_due(self._is_stopping.is_set)
        except django.db.Error as error:
            log.warning("alerts_without_database", error=type(error).__name__)
        except Exception:  # the next sweep tries again, when the lease of the alert is over
            log.exception("alerts_not_told")
        finally:
            django.db.connections.close_all()
            self._telling.release()

    def _watch(self) -> None:
        """Keep the targets that are in use fresh, and tell slow webhooks from fast ones."""
        while not self._is_stopping.wait(FRESH_S):
            self._capacity.watch()
            with self._lock:
                used = set(self._active) | set(self._capacity.busy())
                for webhook_id in [key for key in self._paces if key not in used][1_000:]:
                    del self._paces[webhook_id]
                # Those of the last seconds too: a drain should not begin with a look-up.
                since_s = time.monotonic() - RECENT_S
                used |= {key for key, pace in self._paces.items() if pace.used_at_s > since_s}
            try:
                if used:
                    self._targets.refresh(used)
                self._targets.forget_all_but(used)
                self._door.close_idle()
            except (django.db.Error, OwnerStopped):
                continue
            except Exception:  # without a watch no change of a webhook would be seen
                log.exception("watch_broke")
