"""At most `limit` requests in flight to a webhook, over all workers: leases in Redis.

One sorted set of slots per webhook, scored with the end of their lease in the server's time.
Holders renew what they hold; a killed worker's slots come back when their lease ends. A server
that was emptied gives nothing for a while, in which the holders register theirs again. Nor does
a process take any for a while after Redis was away for it: others may have sent meanwhile under
another kind of limit, and register these first.
"""

import itertools
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import structlog

from organizations.redis import Door, RedisAway

log = structlog.get_logger(__name__)

LEASE_MS = 60_000
HEARTBEAT_S = 2.0
GRACE_MS = 3_000  # longer than a heartbeat
EPOCH_KEY = "ens:sem:epoch"

# KEYS: slots, waiting mark, epoch. ARGV: limit, lease ms, grace ms, mark's ms, slots wanted …
# Answers how many of the wanted were taken; -1 while the holders register after a loss.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local epoch = redis.call('GET', KEYS[3])
if not epoch then
  redis.call('SET', KEYS[3], now)
  epoch = now
end
if now - tonumber(epoch) < tonumber(ARGV[3]) then
  redis.call('SET', KEYS[2], 1, 'PX', ARGV[4])
  return -1
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local free = tonumber(ARGV[1]) - redis.call('ZCARD', KEYS[1])
local n = 0
for i = 5, #ARGV do
  if n >= free then break end
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[i])
  n = n + 1
end
if n > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
else
  redis.call('SET', KEYS[2], 1, 'PX', ARGV[4])
end
return n
"""
# KEYS: slots, waiting mark. ARGV: slots. Answers 1 when somebody had found no slot meanwhile.
_RELEASE = """
redis.call('ZREM', KEYS[1], unpack(ARGV))
return redis.call('DEL', KEYS[2])
"""
# KEYS: slots. ARGV: lease ms, slots.
_RENEW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1] * 2)
return 1
"""
# KEYS: slots. ARGV: slots. The mark stays: whoever frees one knowingly tells who waits.
_WITHDRAW = "return redis.call('ZREM', KEYS[1], unpack(ARGV))"
_BLOCK = 1_000  # members in one call: Lua's unpack and the reply stay small


class Semaphore:
    """This process's part in every webhook's semaphore."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._holder = uuid.uuid4().hex[:16]
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._held: dict[int, set[str]] = {}
        self._was_away = False
        self._nothing_until_s = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="semaphore", daemon=True)
        self._thread.start()

    def take(self, webhook_id: int, limit: int, want: int) -> list[str]:
        """Up to `want` slots; none when all are in use or the server was emptied just now.

        Then whoever frees one is told that somebody waits. None either, for GRACE_MS, when Redis
        was away. Raises RedisAway.
        """
        if self._was_away:
            self._come_back()
        if time.monotonic() < self._nothing_until_s:
            return []
        wanted = [f"{self._holder}:{next(self._numbers)}" for _ in range(min(want, _BLOCK))]
        keys = [*_keys(webhook_id), EPOCH_KEY]
        given = self._call(_TAKE, keys, [limit, LEASE_MS, GRACE_MS, LEASE_MS, *wanted])
        taken = wanted[: max(given, 0)]
        # A heartbeat that comes just before this misses them; the next is within the grace.
        self._hold(webhook_id, taken)
        return taken

    def release(self, webhook_id: int, slots: Sequence[str]) -> bool:
        """Give slots back. Whether somebody waits for one; False when Redis is away.

        Slots that could not be given back end with their lease.
        """
        self._forget(webhook_id, slots)
        somebody_waits = False
        for i in range(0, len(slots), _BLOCK):
            try:
                waits = self._call(_RELEASE, _keys(webhook_id), slots[i : i + _BLOCK])
            except RedisAway:
                return False
            somebody_waits = somebody_waits or bool(waits)
        return somebody_waits

    @property
    def is_away(self) -> bool:
        """Whether another kind of limit is needed now."""
        return self._door.is_away

    def take_unregistered(self, webhook_id: int, want: int) -> list[str]:
        """Slots that another kind of limit granted while Redis was away.

        They are registered as soon as it is back.
        """
        slots = [f"{self._holder}:{next(self._numbers)}" for _ in range(want)]
        self._hold(webhook_id, slots)
        return slots

    def held(self) -> int:
        with self._lock:
            return sum(len(slots) for slots in self._held.values())

    def stop(self) -> None:
        self._stopped.set()

    def ensure_epoch(self, *, nobody_holds: bool) -> None:
        """Let the waiting time of an empty server begin now, and not with the first event.

        There is none where the caller knows that no process can hold a slot.
        """
        try:
            if nobody_holds:
                self._door.call(lambda client: client.set(EPOCH_KEY, 1, nx=True))
            else:
                self._call(_TAKE, ["ens:sem:none", "ens:sem:none:waits", EPOCH_KEY], [0, 1, 0, 1])
        except RedisAway:
            log.warning("semaphore_without_redis")

    def renew(self) -> None:
        """Register everything held once more. Raises RedisAway."""
        with self._lock:
            held = {webhook_id: list(slots) for webhook_id, slots in self._held.items() if slots}
        for webhook_id, slots in held.items():
            for i in range(0, len(slots), _BLOCK):
                with self._lock:
                    still = self._held.get(webhook_id, set())
                    block = [slot for slot in slots[i : i + _BLOCK] if slot in still]
                if block:
                    self._call(_RENEW, _keys(webhook_id)[:1], [LEASE_MS, *block])
                    self._withdraw_released(webhook_id, block)

    def _withdraw_released(self, webhook_id: int, block: Sequence[str]) -> None:
        """A slot that was released while it was being renewed must not come back to life."""
        with self._lock:
            still = self._held.get(webhook_id, set())
            gone = [slot for slot in block if slot not in still]
        if gone:
            self._call(_WITHDRAW, _keys(webhook_id)[:1], gone)

    def _come_back(self) -> None:
        """Register what is held, and take nothing while others do. Raises RedisAway."""
        if self._door.is_away:
            raise RedisAway
        self._nothing_until_s = time.monotonic() + GRACE_MS / 1000
        self._was_away = False
        self.renew()

    def _hold(self, webhook_id: int, slots: Sequence[str]) -> None:
        with self._lock:
            self._held.setdefault(webhook_id, set()).update(slots)

    def _forget(self, webhook_id: int, slots: Sequence[str]) -> None:
        with self._lock:
            held = self._held.get(webhook_id)
            if held is not None:
                held.difference_update(slots)
                if not held:
                    del self._held[webhook_id]

    def _beat(self) -> None:
        while not self._stopped.wait(HEARTBEAT_S):
            try:
                if self._was_away or self._door.is_away:
                    self._was_away = True
                    self._come_back()
                else:
                    self._call("return 1", (), ())  # who holds nothing has to notice it as well
                    self.renew()
            except RedisAway:
                continue
            except Exception:  # without a heartbeat every slot of the process would be lost
                log.exception("slots_not_renewed")

    def _call(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> int:
        def evaluate(client: Any) -> int:
            return int(client.eval(script, len(keys), *keys, *args))

        try:
            return self._door.call(evaluate)
        except RedisAway:
            self._was_away = True
            raise


def _keys(webhook_id: int) -> list[str]:
    return [f"ens:sem:{webhook_id}", f"ens:sem:{webhook_id}:waits"]
