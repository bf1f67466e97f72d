"""Queues behind TLS: certificates are verified, by name and by the installation's bundle."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from delivery.transport.door import Door
from delivery.transport.guard import Guard
from delivery.transport.result import ErrorClass
from tests import rabbitmq
from tests.delivery.transport.queues import assert_acknowledged, send
from tests.delivery.transport.test_tls import server_context
from tests.proxy import Proxy
from tests.sqs import Sqs

VALKEY = urlsplit(os.environ["REDIS_URL"])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(guard: Guard, authority: trustme.CA, tmp_path: Path) -> Iterator[Door]:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    with contextlib.closing(Door(guard=guard, ca_bundle=str(bundle), pool_size=4)) as door:
        yield door


def redis_url(port: int) -> str:
    # Database 61 is no test's own, and its streams are small.
    return f"rediss://:{VALKEY.password}@127.0.0.1:{port}/61/tls:{uuid.uuid4()}?maxlen=1"


def check(trusting: Door, stranger: Door, authority: trustme.CA, to: int, url: str) -> None:
    """`url` has `{}` where the port is."""
    with Proxy(to, tls=server_context(authority, "127.0.0.1")) as proxy:
        for _ in range(2):
            assert_acknowledged(send(trusting, url.format(proxy.port)))
        assert proxy.connections == 1
        assert send(stranger, url.format(proxy.port)).error is ErrorClass.TLS
    with Proxy(to, tls=server_context(authority, "other.example")) as proxy:
        result = send(trusting, url.format(proxy.port))
        assert result.error is ErrorClass.TLS
        assert "certificate" in result.detail
    plain = send(trusting, url.format(to), timeout_s=0.3)
    assert plain.error in {ErrorClass.TLS, ErrorClass.RESET, ErrorClass.TIMEOUT}


def test_a_stream(trusting: Door, queue_door: Door, authority: trustme.CA) -> None:
    assert VALKEY.port is not None
    url = redis_url(0).replace(":0/", ":{}/")
    check(trusting, queue_door, authority, VALKEY.port, url)


def test_sqs(trusting: Door, queue_door: Door, authority: trustme.CA) -> None:
    with Sqs() as queue:
        url = queue.url().replace(f":{queue.port}/", ":{}/").replace("&tls=off", "")
        check(trusting, queue_door, authority, queue.port, url)
        assert queue.messages[0]["QueueUrl"].startswith("https://")


@pytest.mark.skipif(rabbitmq.find_server() is None, reason=rabbitmq.MISSING)
def test_rabbitmq(trusting: Door, queue_door: Door, authority: trustme.CA) -> None:
    broker = rabbitmq.shared()
    broker.declare("tls")
    url = broker.url("?routing_key=tls").replace(f":{broker.port}/", ":{}/")
    check(trusting, queue_door, authority, broker.port, url.replace("amqp:", "amqps:"))
