import threading

import pytest

from delivery.engine import capacity as module
from delivery.engine.capacity import Capacity
from tests.delivery.engine.conftest import until


def filled(capacity: Capacity, webhook_id: int, *, proven: bool, most: int = 10_000) -> int:
    """How many senders of the webhook get in, one after the other."""
    count = 0
    while count < most and capacity.enter(webhook_id, proven=proven):
        count += 1
    return count


def make_slow(capacity: Capacity, webhook_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_AFTER_S", -1.0)
    capacity.started(webhook_id, 1)
    capacity.watch()


def test_a_proven_webhook_may_have_all_places() -> None:
    assert filled(Capacity(100), 1, proven=True) == 100


def test_an_unproven_webhook_has_the_share_of_the_slow() -> None:
    assert filled(Capacity(100), 1, proven=False) == 30


def test_slow_webhooks_share_and_the_proven_have_the_rest() -> None:
    capacity = Capacity(100)
    for webhook_id in range(10):
        assert filled(capacity, webhook_id, proven=False, most=3) == 3
        assert capacity.enter(99, proven=True)
        capacity.leave(99)
    assert filled(capacity, 99, proven=True) == 70


def test_two_hundred_hanging_webhooks_leave_room_for_the_healthy() -> None:
    capacity = Capacity(1_000)
    taken = sum(filled(capacity, webhook_id, proven=False, most=100) for webhook_id in range(200))
    assert taken < 1_000 * 0.7
    assert filled(capacity, 999, proven=True) >= 300


def test_the_first_sender_of_an_unproven_webhook_always_gets_in() -> None:
    capacity = Capacity(100)
    assert filled(capacity, 1, proven=False) == 30
    for webhook_id in range(2, 20):
        assert filled(capacity, webhook_id, proven=False, most=1) == 1


def test_no_more_than_all_places_are_given() -> None:
    capacity = Capacity(10)
    assert filled(capacity, 1, proven=True) == 10
    assert not capacity.enter(2, proven=False)
    capacity.leave(1)
    assert capacity.enter(2, proven=False)


def test_a_place_that_is_left_is_free() -> None:
    capacity = Capacity(4)
    for _ in range(100):
        assert capacity.enter(1, proven=False)
        capacity.leave(1)
    assert set(capacity.busy()) == set()


def test_a_webhook_with_an_old_request_in_flight_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    capacity = Capacity(100)
    assert filled(capacity, 1, proven=True, most=50) == 50
    assert not capacity.must_leave(1)
    make_slow(capacity, 1, monkeypatch)
    assert capacity.must_leave(1)
    assert not capacity.enter(1, proven=True)
    while capacity.must_leave(1):
        capacity.leave(1)
    assert filled(capacity, 2, proven=True) == 70


def test_a_young_request_makes_nobody_slow() -> None:
    capacity = Capacity(100)
    assert filled(capacity, 1, proven=True, most=50) == 50
    capacity.started(1, 1)
    capacity.watch()
    assert not capacity.must_leave(1)


def test_a_webhook_is_fast_again_when_its_old_requests_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    capacity = Capacity(100)
    assert filled(capacity, 1, proven=True, most=50) == 50
    make_slow(capacity, 1, monkeypatch)
    capacity.ended(1, 1)
    capacity.watch()
    assert not capacity.must_leave(1)
    assert capacity.enter(1, proven=True)


def test_the_last_sender_never_has_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    capacity = Capacity(4)
    capacity.enter(1, proven=False)
    make_slow(capacity, 1, monkeypatch)
    assert not capacity.must_leave(1)


def test_when_more_webhooks_are_slow_each_has_to_shrink() -> None:
    capacity = Capacity(100)
    assert filled(capacity, 1, proven=False) == 30
    assert not capacity.must_leave(1)
    assert capacity.enter(2, proven=False)
    assert capacity.must_leave(1)


def test_a_success_makes_the_webhook_proven_for_all_its_senders() -> None:
    capacity = Capacity(100)
    assert filled(capacity, 1, proven=False) == 30
    assert filled(capacity, 1, proven=True) == 70


def test_what_is_in_flight_is_counted() -> None:
    capacity = Capacity(100)
    for sender in range(5):
        capacity.started(1, sender)
    capacity.ended(1, 0)
    assert capacity.in_flight() == 4


def test_threads_that_come_and_go_leave_no_trace() -> None:
    capacity = Capacity(8)
    done = threading.Semaphore(0)

    def come_and_go() -> None:
        for turn in range(500):
            if capacity.enter(turn % 5, proven=bool(turn % 2)):
                capacity.leave(turn % 5)
        done.release()

    for _ in range(6):
        threading.Thread(target=come_and_go).start()
    for _ in range(6):
        assert done.acquire(timeout=20)
    until(lambda: not capacity.busy())
    assert filled(capacity, 1, proven=True) == 8
