import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings as project_settings

from ens_project import embedded
from ens_project.guardian import Guardian
from organizations.redis import Door, RedisAway, door


def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.005)


def answers(some_door: Door) -> bool:
    try:
        return bool(some_door.call(lambda client: client.ping()))
    except RedisAway:
        return False


@pytest.fixture
def server(tmp_path: Path) -> embedded.Valkey:
    """Not started."""
    return embedded.Valkey(data_dir=tmp_path, password="secret", port=embedded.free_port())


@contextlib.contextmanager
def running(server: embedded.Valkey) -> Iterator[None]:
    guardian = Guardian()
    process = server.start(guardian)
    try:
        yield
    finally:
        process.kill()
        process.wait(10)
        guardian.close()


def test_the_door_carries_a_command_and_its_answer() -> None:
    assert door(1.0).call(lambda client: client.echo("hello")) == b"hello"
    assert not door(1.0).is_away


def test_a_process_has_one_door_for_a_time_limit() -> None:
    assert door(1.0) is door(1.0)
    assert door(1.0) is not door(2.0)


def test_without_an_address_redis_is_away_for_good() -> None:
    nowhere = Door("", timeout_s=1)
    assert nowhere.is_away
    with pytest.raises(RedisAway):
        nowhere.call(lambda client: client.ping())


def test_a_server_that_is_not_there_is_marked_away_and_found_when_it_comes(
    server: embedded.Valkey,
) -> None:
    late = Door(server.url, timeout_s=1, probe_s=0.02)
    assert not answers(late)
    assert late.is_away
    with running(server):
        until(lambda: not late.is_away)
        assert answers(late)


def test_a_server_that_dies_and_comes_back_is_used_again(server: embedded.Valkey) -> None:
    some_door = Door(server.url, timeout_s=1, probe_s=0.02)
    with running(server):
        assert answers(some_door)
    assert not answers(some_door)
    assert some_door.is_away
    with running(server):
        until(lambda: not some_door.is_away)
        assert answers(some_door)


def test_a_server_that_was_restarted_unnoticed_costs_no_command(server: embedded.Valkey) -> None:
    some_door = Door(server.url, timeout_s=1)
    for _ in range(2):
        with running(server):
            assert answers(some_door)
            assert not some_door.is_away


def test_a_server_with_another_password_is_away(server: embedded.Valkey) -> None:
    with running(server):
        stranger = Door(f"redis://:wrong@127.0.0.1:{server.port}/0", timeout_s=1)
        assert not answers(stranger)
        assert stranger.is_away


def test_a_server_that_is_full_is_away_until_it_has_room(server: embedded.Valkey) -> None:
    with running(server):
        some_door = Door(server.url, timeout_s=1, probe_s=0.02)
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("maxmemory", "1")
            with pytest.raises(RedisAway):
                some_door.call(lambda client: client.set("a", "b"))
            assert some_door.is_away
            admin.config_set("maxmemory", "0")
        until(lambda: not some_door.is_away)


def test_a_wrong_command_is_our_fault_and_not_the_servers() -> None:
    some_door = Door(project_settings.REDIS_URL, timeout_s=1)
    with pytest.raises(redis.ResponseError):
        some_door.call(lambda client: client.eval("nonsense", 0))
    assert not some_door.is_away


def test_more_callers_than_connections_do_not_make_the_server_away() -> None:
    some_door = Door(project_settings.REDIS_URL, timeout_s=1)

    def hold_and_ask(client: redis.Redis, left: int) -> bool:
        if left == 0:
            return bool(client.ping())
        with client.client():  # type: ignore[no-untyped-call]  # of redis-py
            return hold_and_ask(client, left - 1)

    with pytest.raises(RedisAway):
        some_door.call(lambda client: hold_and_ask(client, 100))
    assert not some_door.is_away
    assert answers(some_door)


@pytest.fixture
def hanging_url() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_a_hanging_server_costs_its_time_limit_once(hanging_url: str) -> None:
    some_door = Door(hanging_url, timeout_s=0.08)
    started = time.monotonic()
    assert not answers(some_door)
    assert some_door.is_away
    assert time.monotonic() - started < 3
    started = time.monotonic()
    for _ in range(1_000):
        assert not answers(some_door)
    assert time.monotonic() - started < 3


def test_three_hundred_callers_at_once_are_all_served() -> None:
    calls = Door(project_settings.REDIS_URL, timeout_s=5.0)
    start = threading.Barrier(300)
    answered: list[bool] = []

    def call() -> None:
        start.wait(10)
        answered.append(answers(calls))

    threads = [threading.Thread(target=call) for _ in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answered == [True] * 300
