"""The one door to Redis.

Redis makes ENS fast and keeps nothing that matters. So whoever asks gets an answer or `RedisAway`
soon, and nobody waits for a server that was just seen to be away: one thread of the process
looks whether it is back.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")
log = structlog.get_logger(__name__)


MOST_CONNECTIONS = 100


class RedisAway(Exception):
    """Redis is not configured, not reachable, too slow, or refuses to write."""


class Door:
    """A pool of connections to one server with one time limit for every command.

    `timeout_s` bounds connecting and answering, each. `probe_s` is how often a server that is
    away is looked after. More than MOST_CONNECTIONS commands at once wait for each other.
    """

    def __init__(self, url: str, *, timeout_s: float, probe_s: float = 0.5) -> None:
        self._probe_s = probe_s
        self._timeout_s = timeout_s
        self._places = threading.Semaphore(MOST_CONNECTIONS)
        self._probing = threading.Lock()
        self._is_away = not url
        self._client: redis.Redis | None = None
        if url:
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                socket_keepalive=True,
                health_check_interval=10,
                retry=Retry(NoBackoff(), 0),
                max_connections=MOST_CONNECTIONS,
            )

    @property
    def is_away(self) -> bool:
        return self._is_away

    def call(self, command: Callable[[redis.Redis], T]) -> T:
        """Answer of `command(client)`.

        Raises RedisAway; then the command may have been carried out all the same.
        """
        if self._is_away or self._client is None:
            raise RedisAway
        if not self._places.acquire(timeout=self._timeout_s):
            raise RedisAway  # busy here, not away there
        try:
            return command(self._client)
        except redis.exceptions.MaxConnectionsError as error:
            raise RedisAway from error  # a command that asks for several
        except redis.RedisError as error:
            if not isinstance(error, redis.ResponseError) or _is_refusal(error):
                self._mark_away(error)
                raise RedisAway from error
            raise
        finally:
            self._places.release()

    def _mark_away(self, error: redis.RedisError) -> None:
        if self._probing.acquire(blocking=False):
            log.warning("redis_away", error=type(error).__name__)
            self._is_away = True
            threading.Thread(target=self._probe, name="redis-probe", daemon=True).start()

    def _probe(self) -> None:
        pause = threading.Event()
        while self._is_away:
            pause.wait(self._probe_s)
            try:
                # A write: a server that is full or loading answers PING all the same.
                if self._client is not None and self._client.set("ens:probe", "1", px=1000):
                    self._is_away = False
            except redis.RedisError:
                continue
        self._probing.release()
        log.warning("redis_back")


REFUSALS = ("BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOPERM", "NOREPLICAS", "OOM")
REFUSED = (
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
    redis.exceptions.NoPermissionError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
)


def _is_refusal(error: redis.ResponseError) -> bool:
    """Whether the server is there but does not serve: full, read-only, busy, failing to save."""
    return isinstance(error, REFUSED) or str(error).startswith(REFUSALS)


_doors: dict[tuple[str, float], Door] = {}
_doors_lock = threading.Lock()


def door(timeout_s: float) -> Door:
    """The process's door with this time limit: 0.08 where a request waits, 2 in the engine."""
    name = (settings.REDIS_URL, timeout_s)
    with _doors_lock:
        if name not in _doors:
            _doors[name] = Door(settings.REDIS_URL, timeout_s=timeout_s)
        return _doors[name]
