"""Asking for names, with a name server that may not answer."""

import threading
from collections.abc import Sequence

from delivery.transport.guard import Guard
from delivery.transport.resolver import Address, Resolver
from delivery.transport.result import ErrorClass
from tests.delivery.transport.conftest import OpenDoor, post_through, soon, v4


def test_a_name_server_that_hangs_is_left_at_the_deadline(open_door: OpenDoor) -> None:
    release = threading.Event()
    resolver = Resolver(lookup=lambda host, port: (release.wait(30) and []) or [])
    door = open_door(guard=Guard(resolver=resolver))

    result = post_through(door, "http://slow.example/", timeout_s=0.3)
    release.set()

    assert (result.error, result.address) == (ErrorClass.TIMEOUT, None)
    assert result.duration_ms < 2300


def test_a_name_that_hangs_holds_one_thread_and_delays_no_other() -> None:
    release = threading.Event()

    def lookup(host: str, port: int) -> Sequence[Address]:
        if host == "slow.example":
            release.wait(30)
        return v4("8.8.8.8")

    resolver = Resolver(threads=2, lookup=lookup)
    waiting = [
        threading.Thread(target=resolver.resolve, args=("slow.example", 80, soon()))
        for _ in range(20)
    ]
    for thread in waiting:
        thread.start()

    assert resolver.resolve("quick.example", 80, soon()) == v4("8.8.8.8")
    release.set()
    for thread in waiting:
        thread.join(5)


def test_each_connection_asks_anew() -> None:
    answers = iter([v4("8.8.8.8"), v4("1.1.1.1")])
    resolver = Resolver(lookup=lambda host, port: next(answers))

    assert resolver.resolve("shop.example", 80, soon()) == v4("8.8.8.8")
    assert resolver.resolve("shop.example", 80, soon()) == v4("1.1.1.1")


def test_more_names_than_threads_take_turns() -> None:
    resolver = Resolver(threads=2, lookup=lambda host, port: v4(host))
    threads = [
        threading.Thread(target=resolver.resolve, args=(f"8.8.8.{last}", 80, soon()))
        for last in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
