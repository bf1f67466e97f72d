"""Tells workers that a webhook has due rows. A wake-up may be lost: the sweep finds the rows.

`ens:wake:<id>` stands for a drain that is on its way and will look; while it is there, nobody
publishes another. The drain deletes it before the last claim that it makes.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable

import structlog

from organizations.redis import Door, RedisAway

log = structlog.get_logger(__name__)

WAKE_MS = 5_000
LONGEST_PUBLISH_S = 2.0


def wake_key(webhook_id: int) -> str:
    return f"ens:wake:{webhook_id}"


class Waker:
    """Publishes drains from a thread of its own: who calls never touches Redis.

    `publish(webhook_id)` sends the message; what it raises costs the wake-up, nothing more.
    """

    def __init__(self, door: Door, publish: Callable[[int], None]) -> None:
        self._door = door
        self._publish = publish
        self._changed = threading.Condition()
        self._pending: dict[int, bool] = {}
        self._pid = 0
        self._stopped = False
        self._was_heard = True
        self._publishing_since_s: float | None = None

    @property
    def is_heard(self) -> bool:
        """False while the broker takes no messages: it refused the last one, or hangs with it."""
        since_s = self._publishing_since_s
        return self._was_heard and (
            since_s is None or time.monotonic() - since_s < LONGEST_PUBLISH_S
        )

    def soon(self, webhook_ids: Iterable[int], *, again: bool = False) -> None:
        """Wake a drain for each. With `again`, also where one is already on its way."""
        with self._changed:
            for webhook_id in webhook_ids:
                self._pending[webhook_id] = again or self._pending.get(webhook_id, False)
            if self._pid != os.getpid():  # the first time, or after a fork
                self._pid = os.getpid()
                threading.Thread(target=self._work, name="waker", daemon=True).start()
            self._changed.notify_all()

    def looked(self, webhook_id: int) -> None:
        """From now on a new row needs a new wake-up: say it before the last claim."""
        try:
            self._door.call(lambda client: client.delete(wake_key(webhook_id)))
        except RedisAway:
            return

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._stopped)
                if self._stopped and not self._pending:
                    return
                pending, self._pending = self._pending, {}
            for webhook_id, again in pending.items():
                try:
                    self._wake(webhook_id, again=again)
                except Exception:  # the only thread of the process that wakes
                    log.exception("wake_failed", webhook=webhook_id)

    def _wake(self, webhook_id: int, *, again: bool) -> None:
        key = wake_key(webhook_id)
        try:
            fresh = self._door.call(lambda client: client.set(key, "1", px=WAKE_MS, nx=not again))
        except RedisAway:
            return
        if not fresh:
            return
        self._publishing_since_s = time.monotonic()
        try:
            self._publish(webhook_id)
        except Exception as error:  # noqa: BLE001  whatever the broker's client raises
            log.warning("wake_not_published", webhook=webhook_id, error=type(error).__name__)
            self._was_heard = False
            self.looked(webhook_id)
        else:
            self._was_heard = True
        finally:
            self._publishing_since_s = None
