"""Against the Valkey of the test run: what is acknowledged stands in the stream."""

import json
import os
import secrets
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from standardwebhooks import Webhook as Verifier

from delivery.transport.door import Door
from delivery.transport.result import ErrorClass
from ens_project import embedded
from ens_project.guardian import Guardian
from tests.delivery.transport.queues import BODY, EVENT_ID, SECRET, assert_acknowledged, send
from tests.proxy import Proxy

PARTS = urlsplit(os.environ["REDIS_URL"])
DATABASE = PARTS.path.strip("/") or "0"


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def stream(client: redis.Redis) -> Iterator[str]:
    name = f"events:{uuid.uuid4()}"
    yield name
    client.delete(name)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[redis.Redis]:
    """A server that no other test uses."""
    guardian = Guardian()
    server = embedded.Valkey(
        data_dir=tmp_path, password=secrets.token_hex(8), port=embedded.free_port()
    )
    server.start(guardian)
    with redis.Redis.from_url(server.url) as client:
        yield client
    guardian.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    assert PARTS.port is not None
    with Proxy(PARTS.port) as proxy:
        yield proxy


@pytest.fixture
def door(queue_door: Door) -> Door:
    return queue_door


def url(stream: str, port: int | None = None, password: str | None = None) -> str:
    told = PARTS.password if password is None else password
    return f"redis://:{told}@127.0.0.1:{port or PARTS.port}/{DATABASE}/{stream}"


def entries(client: redis.Redis, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = client.xrange(stream)
    return list(found)


def test_the_entry_has_the_very_bytes_and_the_headers(
    door: Door, client: redis.Redis, stream: str
) -> None:
    result = send(door, url(stream), ("X-Shop", "12"), timestamp_s=int(time.time()))
    assert_acknowledged(result)
    ((entry, fields),) = entries(client, stream)
    headers = json.loads(fields[b"headers"])
    assert result.detail == f"entry {entry.decode()}"
    assert set(fields) == {b"body", b"headers"}
    assert fields[b"body"] == BODY
    assert headers["Content-Type"] == "application/json"
    assert (headers["X-Shop"], headers["webhook-id"]) == ("12", EVENT_ID)
    assert Verifier(SECRET).verify(fields[b"body"], headers) == json.loads(BODY)


def test_a_stream_is_kept_to_about_a_length(door: Door, client: redis.Redis, stream: str) -> None:
    for _ in range(300):
        assert_acknowledged(send(door, url(stream) + "?maxlen=100"))
    assert 100 <= client.xlen(stream) < 300


def test_a_large_body_comes_whole(door: Door, client: redis.Redis, stream: str) -> None:
    body = BODY + b" " * 1_000_000
    assert_acknowledged(send(door, url(stream), body=body))
    assert entries(client, stream)[0][1][b"body"] == body


def test_a_connection_is_kept_and_one_that_ended_meanwhile_is_replaced(
    door: Door, client: redis.Redis, stream: str, proxy: Proxy
) -> None:
    for _ in range(3):
        assert_acknowledged(send(door, url(stream, proxy.port)))
    assert proxy.connections == 1
    proxy.cut()
    assert_acknowledged(send(door, url(stream, proxy.port)))
    assert (proxy.connections, client.xlen(stream)) == (2, 4)


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_the_timeout(
    door: Door, client: redis.Redis, stream: str, proxy: Proxy
) -> None:
    assert_acknowledged(send(door, url(stream, proxy.port)))
    proxy.withholds.set()
    result = send(door, url(stream, proxy.port), timeout_s=0.3)
    assert result.error is ErrorClass.TIMEOUT
    assert 290 <= result.duration_ms < 2_000
    # The entry may be there; it will be there again.
    proxy.withholds.clear()
    assert_acknowledged(send(door, url(stream, proxy.port)))
    assert client.xlen(stream) == 3


def test_who_may_not_is_refused_and_no_password_is_told(door: Door, stream: str) -> None:
    for refused in (
        url(stream, password="hunter2"),
        f"redis://nobody:hunter2@127.0.0.1:{PARTS.port}/{stream}",
        f"redis://127.0.0.1:{PARTS.port}/{stream}",
    ):
        result = send(door, refused)
        assert result.error is ErrorClass.AUTH_REFUSED
        assert "hunter2" not in repr(result)


def test_a_user_may_be_allowed_nothing_but_the_stream(
    door: Door, client: redis.Redis, stream: str
) -> None:
    client.acl_setuser("writer", enabled=True, passwords=["+s/cret"], commands=["+xadd", "+select"])
    named = f"redis://writer:s%2Fcret@127.0.0.1:{PARTS.port}/{DATABASE}/{stream}"
    assert send(door, named).error is ErrorClass.AUTH_REFUSED
    client.acl_setuser("writer", enabled=True, keys=[stream])
    assert_acknowledged(send(door, named))
    client.acl_deluser("writer")


def test_what_is_no_stream_is_refused(door: Door, client: redis.Redis, stream: str) -> None:
    client.set(stream, "a string")
    result = send(door, url(stream))
    assert result.error is ErrorClass.REJECTED
    assert "WRONGTYPE" in result.detail


def test_a_server_that_is_out_of_memory_is_not_available(
    door: Door, stream: str, own_valkey: redis.Redis
) -> None:
    own_valkey.config_set("maxmemory", "1mb")
    told = own_valkey.connection_pool.connection_kwargs
    named = f"redis://:{told['password']}@127.0.0.1:{told['port']}/{stream}"
    assert send(door, named, body=b"x" * 500_000).error is ErrorClass.UNAVAILABLE
    own_valkey.config_set("maxmemory", "0")
    assert_acknowledged(send(door, named))


def test_a_database_that_is_not_there_is_told(door: Door, stream: str) -> None:
    named = url(stream).replace(f"/{DATABASE}/", "/9999/")
    result = send(door, named)
    assert result.error is ErrorClass.UNAVAILABLE
    assert "index" in result.detail
