import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from delivery.models import Delivery, Health, State
from ens_project import embedded
from ens_project.guardian import Guardian
from organizations.redis import Door
from tests.behaviours import Exchange
from tests.delivery.engine.conftest import EngineHouse, Gate, until
from tests.delivery.engine.test_drain import count, with_rows
from tests.receiver import Receiver

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize(("limit", "rows"), [(1, 15), (3, 40), (50, 150)])
def test_deliveries_go_on_within_the_limit(
    limit: int, rows: int, house: EngineHouse, no_redis: Door, receiver: Receiver
) -> None:
    webhook = with_rows(rows, url=receiver.url("/status/200?delay=0.02"), max_connections=limit)
    engines = [house.new(no_redis), house.new(no_redis)]
    for engine in engines:
        engine.start()
        house.drain_soon(engine, webhook.pk)
    until(lambda: count(State.DELIVERED) == rows, timeout_s=40)
    assert receiver.max_concurrency <= limit
    assert len(receiver.requests) == rows
    until(lambda: sum(engine._semaphore.held() for engine in engines) == 0)


def test_the_sweep_alone_gets_everything_delivered(
    house: EngineHouse, no_redis: Door, receiver: Receiver
) -> None:
    house.new(no_redis).start()
    for _ in range(5):
        with_rows(5, url=receiver.url())
    until(lambda: count(State.DELIVERED) == 25)


def test_an_open_circuit_lets_one_probe_through(
    house: EngineHouse, no_redis: Door, receiver: Receiver
) -> None:
    webhook = with_rows(5, url=receiver.url("/status/500"))
    Health.objects.create(
        webhook=webhook,
        failures=5,
        openings=1,
        open_until=timezone.now() - dt.timedelta(seconds=1),
    )
    engine = house.new(no_redis)
    engine.drain(webhook.pk)
    assert engine.settle(10)
    assert len(receiver.requests) == 1
    assert count(State.PENDING) == 4
    assert not engine._capacity.busy()


def test_at_the_end_of_the_process_what_was_not_begun_is_given_back(
    house: EngineHouse, no_redis: Door, receiver: Receiver, gate: Gate
) -> None:
    engine = house.new(no_redis)
    webhook = with_rows(10, url=receiver.url(), max_connections=2)
    drain = house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 2)
    engine.begin_stop()
    gate.let_out()
    drain.join(10)
    assert engine.stop(10)
    assert count(State.DELIVERED) == 2
    assert set(
        Delivery.objects.exclude(state=State.DELIVERED).values_list("state", "attempts")
    ) == {("pending", 0)}


def test_redis_may_go_and_come_back_while_deliveries_run(
    house: EngineHouse, receiver: Receiver, tmp_path: Any
) -> None:
    guardian = Guardian()
    server = embedded.Valkey(data_dir=tmp_path, password="secret", port=embedded.free_port())
    process = server.start(guardian)
    engines = [house.new(Door(server.url, timeout_s=1, probe_s=0.05)) for _ in range(2)]
    rows = 400
    webhook = with_rows(rows, url=receiver.url(), max_connections=3)
    is_gone = False

    def answer_slowly(exchange: Exchange) -> None:
        exchange.pause(0.02)
        exchange.respond(200)

    receiver.behaviour = answer_slowly
    try:
        for engine in engines:
            engine.start()
            house.drain_soon(engine, webhook.pk)
        until(lambda: count(State.DELIVERED) > 20, timeout_s=30)
        process.kill()
        process.wait(10)
        is_gone = True
        seen = count(State.DELIVERED)
        until(lambda: count(State.DELIVERED) > seen + 30, timeout_s=30)
        process = server.start(guardian)
        is_gone = False
        until(lambda: count(State.DELIVERED) == rows, timeout_s=60)
    finally:
        house.close()
        if not is_gone:
            process.kill()
            process.wait(10)
        guardian.close()
    assert receiver.max_concurrency <= 3
    assert len(receiver.requests) == rows
