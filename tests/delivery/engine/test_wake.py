import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from delivery.engine.wake import Waker, wake_key
from organizations.redis import Door
from tests.delivery.engine.conftest import until

WEBHOOK = 7


@pytest.fixture
def published() -> list[int]:
    return []


@pytest.fixture
def new(redis: Door, published: list[int]) -> Iterator[Callable[..., Waker]]:
    made: list[Waker] = []

    def new(publish: Callable[[int], None] = published.append, door: Door = redis) -> Waker:
        made.append(Waker(door, publish))
        return made[-1]

    yield new
    for waker in made:
        waker.stop()


@pytest.fixture
def waker(new: Callable[..., Waker]) -> Waker:
    return new()


def is_on_its_way(redis: Door) -> bool:
    return bool(redis.call(lambda client: client.exists(wake_key(WEBHOOK))))


def after(waker: Waker, published: list[int]) -> None:
    """Everything that was asked before has been done: this comes behind it."""
    waker.soon([-1], again=True)
    until(lambda: -1 in published)
    published.remove(-1)


def test_a_wake_up_is_published(waker: Waker, published: list[int], redis: Door) -> None:
    waker.soon([WEBHOOK])
    until(lambda: published == [WEBHOOK])
    assert is_on_its_way(redis)


def test_ten_thousand_rows_are_one_message(waker: Waker, published: list[int]) -> None:
    for _ in range(10_000):
        waker.soon([WEBHOOK])
    after(waker, published)
    assert published == [WEBHOOK]


def test_two_processes_publish_one_message(new: Callable[..., Waker], published: list[int]) -> None:
    one, other = new(), new()
    for waker in (one, other):
        waker.soon([WEBHOOK])
        after(waker, published)
    assert published == [WEBHOOK]


def test_after_a_look_the_next_row_needs_a_message(waker: Waker, published: list[int]) -> None:
    waker.soon([WEBHOOK])
    after(waker, published)
    waker.looked(WEBHOOK)
    waker.soon([WEBHOOK])
    after(waker, published)
    assert published == [WEBHOOK, WEBHOOK]


def test_a_drain_that_goes_on_is_published_although_one_is_on_its_way(
    waker: Waker, published: list[int]
) -> None:
    waker.soon([WEBHOOK])
    after(waker, published)
    waker.soon([WEBHOOK], again=True)
    after(waker, published)
    assert published == [WEBHOOK, WEBHOOK]


def test_a_lost_message_holds_others_back_for_seconds_only(
    waker: Waker, published: list[int], redis: Door
) -> None:
    waker.soon([WEBHOOK])
    after(waker, published)
    left_ms = redis.call(lambda client: client.pttl(wake_key(WEBHOOK)))
    assert 0 < left_ms <= 5_000


def test_a_message_that_can_not_be_published_holds_nobody_back(
    new: Callable[..., Waker], published: list[int], redis: Door
) -> None:
    fails = True

    def publish(webhook_id: int) -> None:
        if fails:
            raise ConnectionError("the broker is away")
        published.append(webhook_id)

    waker = new(publish)
    assert waker.is_heard
    waker.soon([WEBHOOK])
    until(lambda: not waker.is_heard)
    until(lambda: not is_on_its_way(redis))
    fails = False
    waker.soon([WEBHOOK])
    until(lambda: published == [WEBHOOK])
    assert waker.is_heard


def test_who_wakes_never_waits_for_the_broker(new: Callable[..., Waker]) -> None:
    hangs = threading.Event()
    waker = new(lambda _: hangs.wait(20) and None)
    began = time.monotonic()
    for webhook_id in range(1_000):
        waker.soon([webhook_id])
    assert time.monotonic() - began < 2
    hangs.set()


def test_without_redis_a_wake_up_is_lost_and_nothing_else(
    new: Callable[..., Waker], no_redis: Door, published: list[int]
) -> None:
    waker = new(door=no_redis)
    waker.soon([WEBHOOK])
    waker.looked(WEBHOOK)
    assert published == []


def test_a_forked_process_wakes_by_itself(redis: Door) -> None:
    waker = Waker(redis, lambda webhook_id: _note(redis, webhook_id))
    waker.soon([1])
    until(lambda: _noted(redis) == {1})
    child = os.fork()
    if child == 0:
        waker.soon([2])
        deadline = time.monotonic() + 10
        while 2 not in _noted(redis) and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        os._exit(0)
    os.waitpid(child, 0)
    assert _noted(redis) == {1, 2}
    waker.soon([3])
    until(lambda: _noted(redis) == {1, 2, 3})
    waker.stop()


def _note(redis: Door, webhook_id: int) -> None:
    redis.call(lambda client: client.sadd("ens:test:woken", webhook_id))


def _noted(redis: Door) -> set[int]:
    return {int(one) for one in redis.call(lambda client: client.smembers("ens:test:woken"))}


# --- No order of wake-ups, looks and claims leaves a row behind ------------------------------
#
# A model of the protocol: producers commit a row and then wake; a message starts a drain or is
# noted by the one that runs in its process; a drain looks, claims, and ends if nothing was noted.
# Every order of their steps is tried.


@dataclass(frozen=True)
class World:
    """`producers` and `drains` hold what each does next; a drain of None does not run."""

    producers: tuple[str, ...]
    drains: tuple[str | None, ...]
    was_woken: tuple[bool, ...]
    rows: int = 0
    has_key: bool = False
    messages: int = 0

    @property
    def is_at_rest(self) -> bool:
        return not (any(self.producers) or any(self.drains) or self.messages)


def changed(of: tuple, place: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*of[:place], value, *of[place + 1 :])


def produced(world: World, place: int) -> World:
    if world.producers[place] == "commit":
        return replace(
            world, rows=world.rows + 1, producers=changed(world.producers, place, "wake")
        )
    done = replace(world, producers=changed(world.producers, place, ""))
    if world.has_key:
        return done
    return replace(done, has_key=True, messages=world.messages + 1)


def received(world: World, process: int) -> World:
    world = replace(world, messages=world.messages - 1)
    if world.drains[process]:
        return replace(world, was_woken=changed(world.was_woken, process, True))
    return replace(
        world,
        drains=changed(world.drains, process, "claim"),
        was_woken=changed(world.was_woken, process, False),
    )


AFTER = {"claim": "look", "look": "last claim", "last claim": "end"}
WRONG = {"claim": "last claim", "last claim": "look", "look": "end"}


def drained(world: World, process: int, order: dict[str, str]) -> World:
    step = world.drains[process]
    assert step is not None
    if step in ("claim", "last claim"):
        world = replace(world, rows=0)
    elif step == "look":
        world = replace(world, has_key=False)
    elif world.was_woken[process]:
        return replace(
            world,
            drains=changed(world.drains, process, "claim"),
            was_woken=changed(world.was_woken, process, False),
        )
    else:
        return replace(world, drains=changed(world.drains, process, None))
    return replace(world, drains=changed(world.drains, process, order[step]))


def steps(world: World, order: dict[str, str]) -> Iterator[World]:
    for place, step in enumerate(world.producers):
        if step:
            yield produced(world, place)
    for process, running in enumerate(world.drains):
        if world.messages:
            yield received(world, process)
        if running:
            yield drained(world, process, order)


def forgotten(producers: int, processes: int, order: dict[str, str]) -> list[World]:
    """The worlds at rest, in any order of steps, in which a row waits."""
    start = World(("commit",) * producers, (None,) * processes, (False,) * processes)
    seen, todo = {start}, [start]
    while todo:
        for world in steps(todo.pop(), order):
            if world not in seen:
                seen.add(world)
                todo.append(world)
    return [world for world in seen if world.is_at_rest and world.rows]


@pytest.mark.parametrize("producers", [1, 2, 3, 4])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_no_order_of_steps_leaves_a_row_behind(producers: int, processes: int) -> None:
    assert forgotten(producers, processes, AFTER) == []


def test_a_look_after_the_last_claim_would_leave_rows_behind() -> None:
    assert forgotten(2, 1, WRONG)
