"""Doors that may reach loopback, and what they send."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from delivery.transport.door import Door as AnyDoor
from delivery.transport.guard import Guard
from delivery.transport.http import Door
from delivery.transport.request import Destination, build, prepare
from delivery.transport.resolver import Address
from delivery.transport.result import Result
from tests.receiver import Receiver

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
EVENT_ID = "06750c10-dcf1-45de-a0eb-d9c64372feed"
BODY = b'{"eventName":"customerAdded"}'

Post = Callable[..., Result]
OpenDoor = Callable[..., Door]


def destination_for(url: str, **options: object) -> Destination:
    arguments: dict[str, object] = {
        "url": url,
        "method": "POST",
        "headers": (),
        "secrets": (),
        "timeout_s": 5.0,
        "user_agent": "ENS/test",
    }
    return prepare(**{**arguments, **options})  # type: ignore[arg-type]  # a test's own choice


def post_through(door: Door, url: str, body: bytes = BODY, **options: object) -> Result:
    destination = destination_for(url, **options)
    request = build(destination, event_id=EVENT_ID, timestamp_s=1_700_000_000, body=body)
    return door.post(destination, request)


def v4(*addresses: str) -> list[Address]:
    return [(socket.AF_INET, (address, 80)) for address in addresses]


def soon() -> float:
    return time.monotonic() + 5


@pytest.fixture
def guard() -> Guard:
    return Guard(allowed_networks=LOOPBACK)


@pytest.fixture
def open_door(guard: Guard) -> Iterator[OpenDoor]:
    """Doors that differ from `door` in something, closed in the end."""
    with contextlib.ExitStack() as stack:

        def open_door(**options: Any) -> Door:
            door = Door(**{"guard": guard, "pool_size": 4, **options})
            stack.callback(door.close)
            return door

        yield open_door


@pytest.fixture
def door(open_door: OpenDoor) -> Door:
    return open_door()


@pytest.fixture
def queue_door(guard: Guard) -> Iterator[AnyDoor]:
    door = AnyDoor(guard=guard, pool_size=4)
    yield door
    door.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def post(door: Door, receiver: Receiver) -> Post:
    """Send to a path of the receiver: `post("/status/200", timeout_s=1.0)`."""

    def post(target: str, body: bytes = BODY, **options: object) -> Result:
        return post_through(door, receiver.url(target), body, **options)

    return post


@pytest.fixture
def post_to_small(door: Door) -> Iterator[Post]:
    """As `post`, to a receiver whose kernel takes little ahead of it."""
    with Receiver(receive_buffer=4096) as receiver:

        def post(target: str, body: bytes = BODY, **options: object) -> Result:
            return post_through(door, receiver.url(target), body, **options)

        yield post
