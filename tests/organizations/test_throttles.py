import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from organizations.redis import door
from organizations.throttles import REDIS_TIMEOUT_S, WINDOW_MS, take
from tests.conftest import CredentialClient

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.urls("tests.organizations.urls"),
]


def test_the_limit_can_be_taken_and_not_one_more() -> None:
    assert [take("t", 1, 3) for _ in range(3)] == [None, None, None]
    wait_s = take("t", 1, 3)
    assert wait_s is not None
    assert 0 < wait_s <= 60


def test_what_does_not_fit_takes_nothing() -> None:
    assert take("t", 8, 10) is None
    assert take("t", 3, 10)
    assert take("t", 2, 10) is None
    assert take("t", 1, 10)


def test_each_key_has_its_own_limit() -> None:
    assert take("a", 1, 1) is None
    assert take("b", 1, 1) is None


def test_more_than_the_whole_limit_is_taken_from_an_untouched_minute() -> None:
    assert take("t", 1_000, 10) is None
    assert take("t", 1, 10)
    assert take("used", 1, 10) is None
    assert take("used", 1_000, 10)


def end_of_window(key: str) -> None:
    """The minute is over: by the server's clock, which tests can not travel."""
    name = f"ens:rate:{key}"
    ended = door(REDIS_TIMEOUT_S).call(lambda client: client.pexpire(name, 1))
    assert ended
    deadline = time.monotonic() + 5
    while door(REDIS_TIMEOUT_S).call(lambda client: client.exists(name)):
        assert time.monotonic() < deadline


def test_after_the_wait_the_whole_limit_is_there_again() -> None:
    assert take("t", 10, 10) is None
    assert take("t", 1, 10)
    end_of_window("t")
    assert take("t", 10, 10) is None


def test_every_count_ends_by_itself() -> None:
    take("t", 1, 10)
    left_ms = door(REDIS_TIMEOUT_S).call(lambda client: client.pttl("ens:rate:t"))
    assert 0 < int(left_ms) <= WINDOW_MS


def test_a_flushed_server_is_told_the_script_again() -> None:
    take("t", 1, 10)
    door(REDIS_TIMEOUT_S).call(lambda client: client.script_flush())
    assert take("t", 1, 10) is None


def test_threads_together_take_exactly_the_limit() -> None:
    taken: list[int] = []
    start = threading.Barrier(8)

    def work(amount: int) -> None:
        start.wait(10)
        taken.extend(amount for _ in range(50) if take("t", amount, 300) is None)

    threads = [threading.Thread(target=work, args=(1 + number % 3,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while take("t", 1, 300) is None:
        taken.append(1)
    assert sum(taken) == 300


def test_over_the_limit_requests_are_refused_with_the_time_to_wait(
    api: CredentialClient, bob: CredentialClient, settings: Any
) -> None:
    settings.REQUESTS_PER_MINUTE = 3
    assert [api.get("/who").status_code for _ in range(3)] == [200, 200, 200]
    limited = api.get("/who")
    assert limited.status_code == 429
    assert limited.json()["errors"][0]["code"] == 429
    assert 0 < int(limited.headers["Retry-After"]) <= 60
    assert bob.get("/who").status_code == 200


def test_requests_without_a_credential_count_for_nobody(settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 1
    assert [APIClient().get("/who").status_code for _ in range(3)] == [401, 401, 401]


@pytest.fixture
def hanging_redis(settings: Any) -> Iterator[None]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        yield


def test_without_redis_nobody_is_turned_away(api: CredentialClient, settings: Any) -> None:
    settings.REDIS_URL = ""
    settings.REQUESTS_PER_MINUTE = 1
    assert [api.get("/who").status_code for _ in range(3)] == [200, 200, 200]


def test_with_redis_refusing_connections_nobody_is_turned_away(
    api: CredentialClient, settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    settings.REQUESTS_PER_MINUTE = 1
    assert [api.get("/who").status_code for _ in range(3)] == [200, 200, 200]


def test_with_redis_hanging_a_request_is_answered_soon(
    api: CredentialClient, settings: Any, hanging_redis: None
) -> None:
    settings.REQUESTS_PER_MINUTE = 1
    started = time.monotonic()
    assert api.get("/who").status_code == 200
    assert time.monotonic() - started < 3


def test_with_redis_hanging_requests_at_once_are_all_answered_soon(hanging_redis: None) -> None:
    took_s: list[float] = []
    start = threading.Barrier(20)

    def work() -> None:
        start.wait(10)
        started = time.monotonic()
        assert take("t", 1, 1) is None
        took_s.append(time.monotonic() - started)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took_s) == 20
    assert max(took_s) < 3
