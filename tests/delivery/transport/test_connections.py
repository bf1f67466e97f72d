"""Keeping connections, and what happens when one has ended meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from delivery.transport.http import Door
from delivery.transport.result import ErrorClass
from tests.delivery.transport.conftest import OpenDoor, Post, post_through
from tests.receiver import Receiver


def test_a_connection_is_kept_and_used_again(post: Post, receiver: Receiver) -> None:
    for target in ("/status/200", "/chunked", "/status/204", "/status/500", "/early-hints"):
        post(target)

    assert [request.connection for request in receiver.requests] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "target", ["/huge-body", "/endless-body", "/close-after", "/reset-in-body", "/farewell"]
)
def test_a_connection_that_is_not_clean_is_not_used_again(
    target: str, post: Post, receiver: Receiver
) -> None:
    assert post(target).status == 200
    assert post("/status/200").status == 200

    assert [request.connection for request in receiver.requests] == [1, 2]


def test_closing_at_the_moment_of_reuse_is_one_result(post: Post, receiver: Receiver) -> None:
    assert post("/close-second").status == 200
    assert post("/close-second").status == 200

    assert [request.connection for request in receiver.requests] == [1, 1, 2]


def test_a_408_to_an_idle_connection_is_no_answer(post: Post, receiver: Receiver) -> None:
    assert post("/timeout-second").status == 200
    assert post("/timeout-second").status == 200
    assert [request.connection for request in receiver.requests] == [1, 1, 2]

    assert post("/status/408").status == 408  # repeated, and said to the request itself
    assert len(receiver.requests) == 5


def test_a_send_is_repeated_once_at_most(post: Post, receiver: Receiver) -> None:
    post("/status/200")

    assert post("/close").error is ErrorClass.RESET
    assert [request.connection for request in receiver.requests] == [1, 1, 2]


def test_a_send_is_not_repeated_when_a_byte_came(post: Post, receiver: Receiver) -> None:
    assert post("/half-second").status == 200
    assert post("/half-second").error is ErrorClass.RESET

    assert len(receiver.requests) == 2


def test_a_send_that_times_out_on_a_kept_connection_is_not_repeated(
    post: Post, receiver: Receiver
) -> None:
    post("/status/200")

    assert post("/hang", timeout_s=0.3).error is ErrorClass.TIMEOUT
    assert len(receiver.requests) == 2


def test_a_connection_closed_while_idle_is_replaced_unnoticed(
    post: Post, receiver: Receiver
) -> None:
    post("/status/200")
    receiver.close_connections()

    assert post("/status/200").status == 200
    assert [request.connection for request in receiver.requests] == [1, 2]


@pytest.fixture
def three() -> Iterator[list[Receiver]]:
    with Receiver() as first, Receiver() as second, Receiver() as third:
        yield [first, second, third]


def test_the_connection_unused_for_longest_makes_room(
    open_door: OpenDoor, three: list[Receiver]
) -> None:
    door = open_door(max_kept=2)

    for receiver in [*three, three[1], three[0]]:
        assert post_through(door, receiver.url()).status == 200

    assert [receiver.connections for receiver in three] == [2, 1, 1]


def test_an_old_connection_is_not_used_again(open_door: OpenDoor, receiver: Receiver) -> None:
    door = open_door(max_idle_s=0.0)

    for _ in range(2):
        assert post_through(door, receiver.url()).status == 200

    assert receiver.connections == 2


def test_many_threads_share_a_door(open_door: OpenDoor, receiver: Receiver) -> None:
    door = open_door(pool_size=8)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: post_through(door, receiver.url()), range(400)))

    assert {result.status for result in results} == {200}
    assert len(receiver.requests) == 400
    assert receiver.max_concurrency <= 8
    assert receiver.connections <= 8


def test_no_more_connections_are_kept_than_allowed(open_door: OpenDoor, receiver: Receiver) -> None:
    door = open_door(pool_size=1)
    with ThreadPoolExecutor(4) as threads:
        send = [
            threads.submit(post_through, door, receiver.url("/status/200?delay=0.2"))
            for _ in range(4)
        ]
        assert [sent.result().status for sent in send] == [200] * 4
    for _ in range(3):
        assert post_through(door, receiver.url()).status == 200

    assert receiver.connections == 4


def test_a_closed_door_keeps_nothing(door: Door, receiver: Receiver) -> None:
    door.close()

    for _ in range(2):
        assert post_through(door, receiver.url()).status == 200
    assert receiver.connections == 2


def test_nobody_listens(door: Door) -> None:
    with Receiver() as receiver:
        url = receiver.url()
    result = post_through(door, url)

    assert result.error is ErrorClass.REFUSED
    assert result.address is None
    assert "refused" in result.detail


def test_ipv6_and_ipv4_are_both_tried(receiver: Receiver, door: Door) -> None:
    """`localhost` may lead to ::1 first, where nobody listens."""
    result = post_through(door, f"http://localhost:{receiver.port}/status/200")

    assert (result.status, result.address) == (200, f"127.0.0.1:{receiver.port}")


def test_an_ipv6_receiver_is_reached(door: Door) -> None:
    with Receiver(host="::1") as receiver:
        result = post_through(door, receiver.url())

        assert (result.status, result.address) == (200, f"[::1]:{receiver.port}")
        assert receiver.requests[0].headers["host"] == f"[::1]:{receiver.port}"


def test_a_proxy_in_the_environment_has_no_say(
    monkeypatch: pytest.MonkeyPatch, post: Post, receiver: Receiver
) -> None:
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url("/"))
            monkeypatch.setenv(name.lower(), proxy.url("/"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        assert post("/status/200").status == 200
        assert proxy.connections == 0


def test_a_netrc_has_no_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, post: Post, receiver: Receiver
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    post("/status/200")

    assert "authorization" not in receiver.requests[0].headers


def test_cookies_are_not_kept(post: Post, receiver: Receiver) -> None:
    receiver.raw_response = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    post("/raw-kept")
    post("/raw-kept")

    assert all("cookie" not in request.headers for request in receiver.requests)
