"""Engines in the test's own process, on a real database and a real Redis-compatible server."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import django.db
import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import F

from delivery.engine.process import Engine
from delivery.engine.semaphore import EPOCH_KEY
from delivery.engine.wake import Waker
from delivery.models import Delivery
from ens_project import embedded
from organizations.redis import Door
from tests.behaviours import Exchange
from tests.receiver import Receiver

TIMES = (
    "created_at",
    "ingested_at",
    "next_attempt_at",
    "expires_at",
    "lease_until",
    "first_attempt_at",
    "sla_due_at",
)
Finish = Callable[[int], None]


def until(condition: Callable[[], Any], timeout_s: float = 15) -> None:
    """Wait for what must come."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        pause.wait(0.01)


def let_pass(**time_passed: float) -> None:
    """Make all deliveries older: for them, so much time has passed."""
    delta = timedelta(**time_passed)
    Delivery.objects.update(**{name: F(name) - delta for name in TIMES})


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """What `work` answered, or raised, in so many threads that began together."""
    start = threading.Barrier(count)
    answers: list[Any] = []

    def run() -> None:
        start.wait(10)
        try:
            answers.append(work())
        except Exception as error:  # noqa: BLE001  the test looks at it
            answers.append(error)
        finally:
            django.db.connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == count
    return answers


@contextlib.contextmanager
def database_away() -> Iterator[None]:
    """No other connection than the test's lives, and none can be made."""
    if connection.vendor != "postgresql":
        pytest.skip("a file is never away")
    settings = connection.get_connection_params()
    name = settings["dbname"]
    address = {key: settings[key] for key in ("host", "port", "user", "password")}
    connection.ensure_connection()
    own = connection.connection.info.backend_pid
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s",
                (name, own),
            )
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


class Gate:
    """A receiver's behaviour: requests wait inside until somebody lets them out."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.inside = 0
        self._tickets = 0.0

    def __call__(self, exchange: Exchange) -> None:
        with self.changed:
            self.inside += 1
            self.changed.wait_for(lambda: self._tickets > 0, 30)
            self._tickets -= 1
            self.inside -= 1
        exchange.respond(200)

    def let_out(self, count: float = math.inf) -> None:
        with self.changed:
            self._tickets += count
            self.changed.notify_all()


class EngineHouse:
    """Makes engines whose wake-ups start drains in threads of this process."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._engines: list[Engine] = []
        self._threads: list[threading.Thread] = []

    def new(self, door: Door | None = None) -> Engine:
        """An engine as of another process; `start` it for sweeps and fresh settings."""
        engine: Engine

        def publish(webhook_id: int) -> None:
            self.drain_soon(engine, webhook_id)

        engine = Engine(Waker(door or self.door, publish), door or self.door)
        self._engines.append(engine)
        return engine

    def drain_soon(self, engine: Engine, webhook_id: int) -> threading.Thread:
        thread = threading.Thread(target=self._drain, args=(engine, webhook_id))
        self._threads.append(thread)
        thread.start()
        return thread

    def _drain(self, engine: Engine, webhook_id: int) -> None:
        try:
            engine.drain(webhook_id)
        finally:
            django.db.connections.close_all()

    def close(self) -> None:
        for engine in self._engines:
            engine.stop(timeout_s=20)
        for thread in self._threads:
            thread.join(timeout=20)


@pytest.fixture
def redis() -> Iterator[Door]:
    door = Door(django_settings.REDIS_URL, timeout_s=2.0)
    door.call(lambda client: client.flushdb())
    # Long ago: an empty server would give no slots for three seconds.
    door.call(lambda client: client.set(EPOCH_KEY, 1))
    yield door
    door.call(lambda client: client.flushdb())


@pytest.fixture
def no_redis() -> Door:
    """A door to a port where nobody listens."""
    return Door(f"redis://127.0.0.1:{embedded.free_port()}", timeout_s=0.5)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def gate(receiver: Receiver) -> Iterator[Gate]:
    gate = Gate()
    receiver.behaviour = gate
    yield gate
    gate.let_out()


@pytest.fixture
def house(redis: Door, transactional_db: None, receiver: Receiver) -> Iterator[EngineHouse]:
    """The receiver outlives it: what is in flight can end."""
    house = EngineHouse(redis)
    yield house
    receiver.close()
    house.close()


@pytest.fixture
def engine(house: EngineHouse) -> Engine:
    return house.new()


@pytest.fixture
def finish(engine: Engine) -> Finish:
    """Deliver what is due for a webhook and wait until all of it is recorded."""

    def run(webhook_id: int) -> None:
        engine.drain(webhook_id)
        assert engine.settle(timeout_s=20)

    return run
