"""Against a real RabbitMQ: what is confirmed is in the queue, and the rest is told apart."""

import json
import time
from collections.abc import Iterator
from typing import Any

import amqp
import pytest
from standardwebhooks import Webhook as Verifier

from delivery.transport.door import Door
from delivery.transport.result import ErrorClass
from tests import rabbitmq
from tests.delivery.transport.queues import BODY, EVENT_ID, SECRET, assert_acknowledged, send
from tests.proxy import Proxy
from tests.rabbitmq import RabbitMq

pytestmark = pytest.mark.skipif(rabbitmq.find_server() is None, reason=rabbitmq.MISSING)


@pytest.fixture(scope="module")
def broker() -> RabbitMq:
    return rabbitmq.shared()


@pytest.fixture
def queue(broker: RabbitMq) -> Iterator["Queue"]:
    with Queue(broker) as queue:
        yield queue


@pytest.fixture
def proxy(broker: RabbitMq) -> Iterator[Proxy]:
    with Proxy(broker.port) as proxy:
        yield proxy


@pytest.fixture
def door(queue_door: Door) -> Door:
    return queue_door


class Queue:
    """An exchange `orders`, and a queue that has what goes there with the key `new`."""

    def __init__(self, broker: RabbitMq) -> None:
        self._broker = broker

    def reconnect(self) -> None:
        self._connection = amqp.Connection(
            f"127.0.0.1:{self._broker.port}", userid="ens", password=self._broker.password
        )
        self._connection.connect()
        self.channel = self._connection.channel()

    def __enter__(self) -> "Queue":
        self.reconnect()
        self.channel.exchange_declare("orders", "direct", durable=True, auto_delete=False)
        self.declare("new")
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.exchange_delete("orders")
        for name in ("new", "full"):
            self.channel.queue_delete(name)
        self._connection.close()

    def declare(self, key: str, **arguments: Any) -> None:
        self.channel.queue_declare(key, durable=True, auto_delete=False, arguments=arguments)
        self.channel.queue_bind(key, "orders", key)

    def get(self) -> Any:
        """The oldest message; None if there is none."""
        return self.channel.basic_get("new", no_ack=True)


def url_through(proxy: Proxy, broker: RabbitMq, path: str = "orders?routing_key=new") -> str:
    return broker.url(path).replace(f":{broker.port}/", f":{proxy.port}/")


def test_the_queue_has_the_very_bytes_signed_and_persistent(
    door: Door, broker: RabbitMq, queue: Queue
) -> None:
    now = int(time.time())
    result = send(
        door,
        broker.url("orders?routing_key=new"),
        ("X-Shop", "12"),
        ("content-type", "application/vnd.ens+json"),
        timestamp_s=now,
    )
    assert_acknowledged(result)
    assert result.address == f"127.0.0.1:{broker.port}"
    message = queue.get()
    # kombu's own decoding is the reader's choice; the bytes are what was signed.
    body = message.body if isinstance(message.body, bytes) else message.body.encode()
    headers = message.properties["application_headers"]
    assert body == BODY
    assert headers["X-Shop"] == "12"
    assert headers["webhook-id"] == message.properties["message_id"] == EVENT_ID
    assert message.properties["content_type"] == "application/vnd.ens+json"
    assert message.properties["delivery_mode"] == 2
    assert message.properties["app_id"] == "ENS/test"
    assert Verifier(SECRET).verify(body, headers) == json.loads(BODY)


@pytest.mark.parametrize("bytes_more", [0, 40_000, 900_000])
def test_a_body_of_any_size_comes_whole(
    door: Door, broker: RabbitMq, queue: Queue, bytes_more: int
) -> None:
    body = BODY + b" " * bytes_more
    assert_acknowledged(send(door, broker.url("orders?routing_key=new"), body=body))
    found = queue.get().body
    assert (found if isinstance(found, bytes) else found.encode()) == body


def test_the_default_exchange_leads_to_the_queue_that_the_key_names(
    door: Door, broker: RabbitMq, queue: Queue
) -> None:
    assert_acknowledged(send(door, broker.url("?routing_key=new")))
    assert queue.get() is not None


def test_a_connection_is_kept_and_one_that_ended_meanwhile_is_replaced(
    door: Door, broker: RabbitMq, queue: Queue, proxy: Proxy
) -> None:
    url = url_through(proxy, broker)
    for _ in range(3):
        assert_acknowledged(send(door, url))
    assert proxy.connections == 1
    proxy.cut()
    assert_acknowledged(send(door, url))
    assert proxy.connections == 2


def test_connections_belong_to_their_credentials(
    door: Door, broker: RabbitMq, queue: Queue
) -> None:
    right, wrong = (
        broker.url("orders?routing_key=new"),
        broker.url("orders?routing_key=new", password="wrong"),
    )
    assert_acknowledged(send(door, right))
    assert send(door, wrong).error is ErrorClass.AUTH_REFUSED
    assert_acknowledged(send(door, right))


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("orders?routing_key=nobody", ErrorClass.UNROUTABLE),
        ("nothing", ErrorClass.NOT_FOUND),
        ("?routing_key=nothing", ErrorClass.UNROUTABLE),
        ("brand%2Fa/orders", ErrorClass.NOT_FOUND),
        ("no-vhost/orders", ErrorClass.NOT_FOUND),
    ],
)
def test_what_leads_to_no_queue_is_not_delivered(
    door: Door, broker: RabbitMq, queue: Queue, path: str, error: ErrorClass
) -> None:
    for _ in range(2):
        result = send(door, broker.url(path))
        assert (result.error, result.status) == (error, None)
        assert result.detail
    # And the connection is as good as before.
    assert_acknowledged(send(door, broker.url("orders?routing_key=new")))


def test_who_may_not_is_refused_and_no_password_is_told(
    door: Door, broker: RabbitMq, queue: Queue
) -> None:
    path = "orders?routing_key=new"
    for url in (
        broker.url(path, password="hunter2"),
        broker.url(path, user="nobody"),
        broker.url(path, user="reader"),
    ):
        result = send(door, url)
        assert result.error is ErrorClass.AUTH_REFUSED
        assert "hunter2" not in repr(result)
        assert broker.password not in repr(result)
    assert queue.get() is None


def test_what_is_too_large_for_the_broker_is_refused(
    door: Door, broker: RabbitMq, queue: Queue
) -> None:
    result = send(door, broker.url("orders?routing_key=new"), body=b"x" * 1_100_000)
    assert result.error is ErrorClass.REJECTED


def test_a_queue_that_is_full_is_not_available(door: Door, broker: RabbitMq, queue: Queue) -> None:
    queue.declare("full", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    assert_acknowledged(send(door, broker.url("orders?routing_key=full")))
    result = send(door, broker.url("orders?routing_key=full"))
    assert result.error is ErrorClass.UNAVAILABLE


def test_a_confirmation_that_does_not_come_is_waited_for_no_longer_than_the_timeout(
    door: Door, broker: RabbitMq, queue: Queue, proxy: Proxy
) -> None:
    url = url_through(proxy, broker)
    assert_acknowledged(send(door, url))
    proxy.withholds.set()
    result = send(door, url, timeout_s=0.3)
    assert result.error is ErrorClass.TIMEOUT
    assert 290 <= result.duration_ms < 2_000
    proxy.withholds.clear()
    assert_acknowledged(send(door, url))
    assert proxy.connections == 2
