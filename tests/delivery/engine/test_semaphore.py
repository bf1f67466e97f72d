import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from delivery.engine import semaphore as module
from delivery.engine.semaphore import EPOCH_KEY, LEASE_MS, Semaphore
from ens_project import embedded
from ens_project.guardian import Guardian
from organizations.redis import Door, RedisAway
from tests.delivery.engine.conftest import at_once, until
from tests.delivery.engine.holding import hold_in_turns

WEBHOOK = 7
SLOTS, MARK = f"ens:sem:{WEBHOOK}", f"ens:sem:{WEBHOOK}:waits"


@pytest.fixture
def new(redis: Door) -> Iterator[Callable[..., Semaphore]]:
    """The semaphores of other processes."""
    made: list[Semaphore] = []

    def new(door: Door = redis) -> Semaphore:
        made.append(Semaphore(door))
        return made[-1]

    yield new
    for one in made:
        one.stop()


@pytest.fixture
def semaphore(new: Callable[..., Semaphore]) -> Semaphore:
    return new()


def in_use(redis: Door) -> int:
    return int(redis.call(lambda client: client.zcard(SLOTS)))


def end_leases(redis: Door) -> None:
    """As if a minute had passed."""

    def age(client: Any) -> None:
        for slot, score in client.zrange(SLOTS, 0, -1, withscores=True):
            client.zadd(SLOTS, {slot: score - LEASE_MS - 1})

    redis.call(age)


def emptied(redis: Door) -> None:
    redis.call(lambda client: client.flushdb())


def grace_passes(redis: Door) -> None:
    redis.call(lambda client: client.set(EPOCH_KEY, 1))


def test_as_many_slots_as_wanted_or_as_there_are(semaphore: Semaphore) -> None:
    assert len(semaphore.take(WEBHOOK, 5, 3)) == 3
    assert len(semaphore.take(WEBHOOK, 5, 3)) == 2
    assert semaphore.take(WEBHOOK, 5, 3) == []
    assert semaphore.held() == 5


def test_each_webhook_has_its_own(semaphore: Semaphore) -> None:
    assert len(semaphore.take(WEBHOOK, 2, 2)) == 2
    assert len(semaphore.take(WEBHOOK + 1, 2, 2)) == 2


def test_slots_given_back_are_free(semaphore: Semaphore, redis: Door) -> None:
    slots = semaphore.take(WEBHOOK, 3, 3)
    semaphore.release(WEBHOOK, slots[:2])
    assert (semaphore.held(), in_use(redis)) == (1, 1)
    assert len(semaphore.take(WEBHOOK, 3, 3)) == 2


def test_the_one_who_frees_a_slot_is_told_once_that_somebody_waits(
    new: Callable[..., Semaphore],
) -> None:
    one, other = new(), new()
    slots = one.take(WEBHOOK, 2, 2)
    assert other.take(WEBHOOK, 2, 1) == []
    assert one.release(WEBHOOK, slots[:1]) is True
    assert one.release(WEBHOOK, slots[1:]) is False


def test_nobody_waits_when_all_got_some(new: Callable[..., Semaphore]) -> None:
    one, other = new(), new()
    slots = one.take(WEBHOOK, 3, 2)
    assert len(other.take(WEBHOOK, 3, 2)) == 1
    assert one.release(WEBHOOK, slots) is False


def test_a_lower_limit_lets_those_in_use_end_and_gives_no_new_one(semaphore: Semaphore) -> None:
    slots = semaphore.take(WEBHOOK, 10, 10)
    assert semaphore.take(WEBHOOK, 3, 5) == []
    semaphore.release(WEBHOOK, slots[:7])
    assert semaphore.take(WEBHOOK, 3, 5) == []
    semaphore.release(WEBHOOK, slots[7:8])
    assert len(semaphore.take(WEBHOOK, 3, 5)) == 1


def test_the_slots_of_a_dead_holder_come_back_when_their_lease_ends(
    new: Callable[..., Semaphore], redis: Door
) -> None:
    dead, other = new(), new()
    dead.take(WEBHOOK, 2, 2)
    dead.stop()
    end_leases(redis)
    assert len(other.take(WEBHOOK, 2, 2)) == 2


def test_what_is_held_is_renewed(semaphore: Semaphore, redis: Door) -> None:
    semaphore.take(WEBHOOK, 2, 2)
    end_leases(redis)
    semaphore.renew()
    assert semaphore.take(WEBHOOK, 2, 1) == []
    ttl_ms = int(redis.call(lambda client: client.pttl(SLOTS)))
    assert ttl_ms > LEASE_MS


def test_a_heartbeat_renews_without_being_asked(
    new: Callable[..., Semaphore], redis: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.02)
    new().take(WEBHOOK, 2, 2)
    emptied(redis)
    until(lambda: in_use(redis) == 2)


def test_a_released_slot_is_not_renewed(semaphore: Semaphore, redis: Door) -> None:
    slots = semaphore.take(WEBHOOK, 2, 2)
    semaphore.release(WEBHOOK, slots)
    semaphore.renew()
    assert in_use(redis) == 0


def test_no_renewal_brings_slots_to_life_that_nobody_holds(
    semaphore: Semaphore, redis: Door
) -> None:
    """Takes that get nothing and releases, while renewals run as fast as they can."""
    is_over = threading.Event()

    def renew() -> None:
        while not is_over.is_set():
            semaphore.renew()

    renewing = [threading.Thread(target=renew) for _ in range(2)]
    for thread in renewing:
        thread.start()
    try:
        for _ in range(400):
            slots = semaphore.take(WEBHOOK, 2, 3)
            assert len(slots) <= 2
            semaphore.take(WEBHOOK, 2, 2)
            semaphore.release(WEBHOOK, slots)
    finally:
        is_over.set()
        for thread in renewing:
            thread.join(10)
    assert semaphore.held() == in_use(redis)


def test_an_emptied_server_gives_nothing_until_the_holders_have_registered(
    new: Callable[..., Semaphore], redis: Door
) -> None:
    holder, other = new(), new()
    holder.take(WEBHOOK, 3, 3)
    emptied(redis)
    assert other.take(WEBHOOK, 3, 3) == []
    holder.renew()
    grace_passes(redis)
    assert other.take(WEBHOOK, 3, 3) == []
    assert in_use(redis) == 3


def test_the_grace_ends_by_itself(
    new: Callable[..., Semaphore], redis: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_MS", 50)
    emptied(redis)
    other = new()
    assert other.take(WEBHOOK, 3, 3) == []
    until(lambda: other.take(WEBHOOK, 3, 1) != [], timeout_s=5)


def test_who_is_refused_in_the_grace_waits(new: Callable[..., Semaphore], redis: Door) -> None:
    holder, other = new(), new()
    slots = holder.take(WEBHOOK, 3, 1)
    emptied(redis)
    assert other.take(WEBHOOK, 3, 1) == []
    assert holder.release(WEBHOOK, slots) is True


def test_a_start_on_an_empty_server_waits_only_if_somebody_can_hold_slots(
    semaphore: Semaphore, redis: Door
) -> None:
    emptied(redis)
    semaphore.ensure_epoch(nobody_holds=False)
    assert semaphore.take(WEBHOOK, 3, 1) == []
    emptied(redis)
    semaphore.ensure_epoch(nobody_holds=True)
    assert len(semaphore.take(WEBHOOK, 3, 1)) == 1


def test_a_start_on_a_server_in_use_changes_nothing(semaphore: Semaphore, redis: Door) -> None:
    emptied(redis)
    semaphore.ensure_epoch(nobody_holds=False)
    semaphore.ensure_epoch(nobody_holds=True)
    assert semaphore.take(WEBHOOK, 3, 1) == []


def test_two_thousand_slots_are_taken_and_given_back_in_blocks(
    semaphore: Semaphore, redis: Door
) -> None:
    slots = [slot for _ in range(3) for slot in semaphore.take(WEBHOOK, 2_000, 2_000)]
    assert len(slots) == len(set(slots)) == 2_000
    semaphore.renew()
    assert in_use(redis) == 2_000
    semaphore.release(WEBHOOK, slots)
    assert in_use(redis) == 0


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_two_processes_of_four_threads_never_exceed_the_limit(
    limit: int, redis: Door, settings: Any
) -> None:
    context = multiprocessing.get_context("spawn")
    count, highest = context.Value("i", 0), context.Value("i", 0)
    processes = [
        context.Process(
            target=hold_in_turns, args=(settings.REDIS_URL, WEBHOOK, limit, count, highest)
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert 0 < highest.value <= limit
    assert in_use(redis) == 0


def test_of_twenty_at_once_three_get_one(semaphore: Semaphore, redis: Door) -> None:
    answers = at_once(20, lambda: semaphore.take(WEBHOOK, 3, 1))
    assert sorted(map(len, answers)) == [0] * 17 + [1] * 3
    assert semaphore.held() == in_use(redis) == 3


def test_without_a_server_every_question_is_answered_at_once(no_redis: Door) -> None:
    semaphore = Semaphore(no_redis)
    began = time.monotonic()
    for _ in range(50):
        with pytest.raises(RedisAway):
            semaphore.take(WEBHOOK, 3, 1)
    slots = semaphore.take_unregistered(WEBHOOK, 3)
    assert semaphore.held() == 3
    assert semaphore.release(WEBHOOK, slots) is False
    assert semaphore.held() == 0
    semaphore.ensure_epoch(nobody_holds=False)
    assert time.monotonic() - began < 3
    semaphore.stop()


@pytest.fixture
def own_server(tmp_path: Any) -> Iterator[tuple[embedded.Valkey, Guardian]]:
    """A server that the test starts and ends."""
    guardian = Guardian()
    server = embedded.Valkey(data_dir=tmp_path, password="secret", port=embedded.free_port())
    yield server, guardian
    guardian.close()


def test_slots_used_while_redis_was_away_are_registered_before_others_take_any(
    own_server: tuple[embedded.Valkey, Guardian],
    new: Callable[..., Semaphore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.05)
    server, guardian = own_server
    process = server.start(guardian)
    doors = [Door(server.url, timeout_s=1, probe_s=0.02) for _ in range(2)]
    until(lambda: all(map(is_there, doors)))
    one, other = (new(door) for door in doors)
    one.ensure_epoch(nobody_holds=True)
    for semaphore in (one, other):
        semaphore.release(WEBHOOK, semaphore.take(WEBHOOK, 3, 3))
    process.kill()
    process.wait(10)
    until(lambda: all(door.is_away for door in doors))
    one.take_unregistered(WEBHOOK, 3)

    process = server.start(guardian)
    until(lambda: is_there(doors[1]))
    assert other.take(WEBHOOK, 3, 3) == []
    until(lambda: in_use(doors[1]) == 3)
    monkeypatch.setattr(other, "_nothing_until_s", 0.0)
    assert other.take(WEBHOOK, 3, 3) == []
    process.kill()
    process.wait(10)


def is_there(door: Door) -> bool:
    try:
        return bool(door.call(lambda client: client.set("ens:test", 1, px=1)))
    except RedisAway:
        return False
