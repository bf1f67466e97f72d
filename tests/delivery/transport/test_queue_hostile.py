"""Brokers that hang, drip, flood and lie: every attempt ends, in time, as one."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest

from delivery.transport.door import Door
from delivery.transport.guard import Guard
from delivery.transport.resolver import Address, Resolver
from delivery.transport.result import ErrorClass
from tests.delivery.transport.conftest import LOOPBACK
from tests.delivery.transport.queues import send
from tests.receiver import Receiver

AMQP, REDIS, SQS = (
    "amqp://ens:hunter2@127.0.0.1:{}/orders",
    "redis://:hunter2@127.0.0.1:{}/events",
    "sqs://AKIA:hunter2@127.0.0.1:{}/1/orders?region=eu-west-1&tls=off",
)
EVERY = pytest.mark.parametrize("url", [AMQP, REDIS, SQS])
TIMEOUT_S = 0.4
AT_DEADLINE_MS = 2_000  # on a machine that has other things to do

Behaviour = Callable[[socket.socket], None]


class Peer:
    """Takes connections on loopback and treats each as `behaviour` does; whatever it is sent."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0

    def __enter__(self) -> "Peer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._treat, args=(sock,), daemon=True).start()

    def _treat(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            self._behaviour(sock)


def hang(sock: socket.socket) -> None:
    while sock.recv(65536):
        pass


def drip(beginning: bytes) -> Behaviour:
    """What begins well and goes on byte for byte."""

    def behaviour(sock: socket.socket) -> None:
        pause = threading.Event()
        sock.sendall(beginning)
        while not pause.wait(0.02):
            sock.sendall(b"0")

    return behaviour


# A frame, a line, a header that do not end.
DRIPPED = {AMQP: b"\x01\x00\x00\x00\x00\x70\x00", REDIS: b"+", SQS: b"HTTP/1.1 200 OK\r\nA: "}


def hang_up(sock: socket.socket) -> None:
    sock.recv(8)


def garbage(sock: socket.socket) -> None:
    sock.sendall(b"\xff\xfe SSH-2.0-OpenSSH_9.2\r\n" * 10)
    hang(sock)


def flood(sock: socket.socket) -> None:
    """A frame, or a reply, that is gigabytes long."""
    sock.sendall(struct.pack(">BHI", 1, 0, 2**31 - 1))
    while True:
        sock.sendall(b"x" * 65536)


def flood_of_a_reply(sock: socket.socket) -> None:
    sock.sendall(b"$2147483647\r\n")
    while True:
        sock.sendall(b"x" * 65536)


def frame(channel: int, method: tuple[int, int], arguments: bytes) -> bytes:
    payload = struct.pack(">HH", *method) + arguments
    return struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"


START = frame(
    0, (10, 10), b"\x00\x09" + struct.pack(">I", 0) + b"\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"
)


def many_frames(sock: socket.socket) -> None:
    """Small ones, and each of them allowed."""
    sock.sendall(START)
    while True:
        sock.sendall(b"\x08\x00\x00\x00\x00\x00\x00\xce" * 1_000)


def a_table_in_a_table(sock: socket.socket) -> None:
    table = b""
    for _ in range(5_000):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    properties = struct.pack(">I", len(table)) + table
    sock.sendall(frame(0, (10, 10), b"\x00\x09" + properties[:30_000]))
    hang(sock)


def tiny_frames(sock: socket.socket) -> None:
    sock.sendall(START)
    sock.recv(65536)
    sock.sendall(frame(0, (10, 30), struct.pack(">HIH", 1, 8, 0)))
    hang(sock)


def echoes(sock: socket.socket) -> None:
    """Closes with what it was told, as a reason."""
    sock.sendall(START)
    told = b""
    while b"hunter2" not in told:
        told += sock.recv(65536)
    text = b"ACCESS_REFUSED for hunter2"
    reply = struct.pack(">HB", 403, len(text)) + text + struct.pack(">HH", 0, 0)
    sock.sendall(frame(0, (10, 50), reply))
    hang(sock)


def echoes_in_resp(sock: socket.socket) -> None:
    sock.recv(65536)
    sock.sendall(b"-WRONGPASS hunter2 is wrong\r\n")
    hang(sock)


@pytest.fixture
def door(queue_door: Door) -> Door:
    return queue_door


@EVERY
@pytest.mark.parametrize("drips", [False, True], ids=["hangs", "drips"])
def test_who_never_comes_to_an_end_is_cut_at_the_timeout(door: Door, url: str, drips: bool) -> None:
    with Peer(drip(DRIPPED[url]) if drips else hang) as peer:
        result = send(door, url.format(peer.port), timeout_s=TIMEOUT_S)
    assert result.error is ErrorClass.TIMEOUT
    assert result.duration_ms < AT_DEADLINE_MS
    assert result.address == f"127.0.0.1:{peer.port}"


@EVERY
def test_who_hangs_up_is_an_error_of_the_connection(door: Door, url: str) -> None:
    with Peer(hang_up) as peer:
        result = send(door, url.format(peer.port))
    assert result.error is ErrorClass.RESET


@pytest.mark.parametrize(
    ("url", "behaviour"),
    [
        (AMQP, garbage),
        (AMQP, flood),
        (AMQP, many_frames),
        (AMQP, a_table_in_a_table),
        (AMQP, tiny_frames),
        (REDIS, garbage),
        (REDIS, flood_of_a_reply),
        (SQS, garbage),
    ],
)
def test_what_is_not_the_protocol_ends_the_attempt_early(
    door: Door, url: str, behaviour: Behaviour
) -> None:
    with Peer(behaviour) as peer:
        result = send(door, url.format(peer.port), timeout_s=10)
    assert result.error in {ErrorClass.INVALID_RESPONSE, ErrorClass.RESET}, result
    assert result.duration_ms < 8_000


@EVERY
def test_an_http_receiver_is_no_queue(door: Door, url: str) -> None:
    with Receiver() as receiver:
        result = send(door, url.format(receiver.port), timeout_s=2)
    assert result.error is not None
    assert not result.is_acknowledged


@pytest.mark.parametrize(("url", "behaviour"), [(AMQP, echoes), (REDIS, echoes_in_resp)])
def test_a_password_that_the_broker_repeats_is_masked(
    door: Door, url: str, behaviour: Behaviour
) -> None:
    with Peer(behaviour) as peer:
        result = send(door, url.format(peer.port))
    assert result.error is ErrorClass.AUTH_REFUSED
    assert "hunter2" not in repr(result)
    assert "••••" in result.detail


@EVERY
def test_nobody_is_there(door: Door, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert send(door, url.format(port)).error is ErrorClass.REFUSED


@pytest.fixture
def closed_door() -> Iterator[Door]:
    """Of an installation that allows no network of its own."""
    door = Door(guard=Guard(), pool_size=4)
    yield door
    door.close()


@EVERY
def test_no_connection_is_made_to_an_address_that_is_not_public(
    closed_door: Door, url: str
) -> None:
    with Peer(hang) as peer:
        result = send(closed_door, url.format(peer.port))
        assert result.error is ErrorClass.FORBIDDEN_ADDRESS
        assert result.address is None
        assert peer.connections == 0


@EVERY
def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to(
    url: str,
) -> None:
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [(socket.AF_INET, ("93.184.216.34", port)), (socket.AF_INET, ("127.0.0.1", port))]

    guard = Guard(resolver=Resolver(lookup=lookup))
    door = Door(guard=guard, pool_size=4)
    with Peer(hang) as peer, contextlib.closing(door):
        named = url.format(peer.port).replace("127.0.0.1", "queue.example")
        result = send(door, named)
        assert result.error is ErrorClass.FORBIDDEN_ADDRESS
        assert peer.connections == 0
    assert asked == ["queue.example"]


@EVERY
def test_a_name_is_resolved_once_and_by_the_guard(url: str) -> None:
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [(socket.AF_INET, ("127.0.0.1", port))]

    guard = Guard(allowed_networks=LOOPBACK, resolver=Resolver(lookup=lookup))
    door = Door(guard=guard, pool_size=4)
    with Peer(hang_up) as peer, contextlib.closing(door):
        send(door, url.format(peer.port).replace("127.0.0.1", "queue.example"))
        assert peer.connections == 1
    assert asked == ["queue.example"]


def test_the_guards_ports_hold_for_queues() -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.0/8"),))
    door = Door(guard=guard, pool_size=4)
    with contextlib.closing(door):
        result = send(door, AMQP.format(25))
    assert result.error is ErrorClass.FORBIDDEN_ADDRESS
