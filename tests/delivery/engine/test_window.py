import datetime as dt
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from delivery.engine.claim import Claimed
from delivery.engine.clock import Reading
from delivery.engine.window import Window
from tests.delivery.engine.conftest import until

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


def rows(count: int, *, is_suspect: bool = False) -> list[Claimed]:
    return [
        Claimed(
            delivery_id=uuid.uuid4(),
            webhook_id=1,
            token=1,
            attempt=1,
            expires_at=NOW,
            event_id=str(number),
            payload="{}",
            reading=Reading.at(NOW),
            ingested_at=NOW,
            is_test=False,
            is_suspect=is_suspect,
            organization_id=1,
        )
        for number in range(count)
    ]


class Post:
    """Senders send here; each row waits until it is let through."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.sending: list[Claimed] = []
        self.sent: list[Claimed] = []
        self.left: list[str] = []
        self.most = 1_000
        self.is_open = False
        self.window = Window(send=self.send, left=self.left.append, must_leave=self.must_leave)

    def send(self, row: Claimed) -> None:
        with self.changed:
            self.sending.append(row)
            self.changed.wait_for(lambda: self.is_open, 20)
            self.sending.remove(row)
            self.sent.append(row)

    def must_leave(self) -> bool:
        return self.window.senders > self.most

    def open(self) -> None:
        with self.changed:
            self.is_open = True
            self.changed.notify_all()


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post()
    yield post
    post.window.close()
    post.open()


def add_senders(post: Post, count: int) -> None:
    for number in range(count):
        post.window.add_sender(str(number))


def test_rows_are_sent_in_their_order(post: Post) -> None:
    post.open()
    some = rows(50)
    post.window.feed(some)
    add_senders(post, 1)
    until(lambda: post.sent == some)
    assert post.window.sent == 50


def test_suspects_are_sent_first(post: Post) -> None:
    post.open()
    others, suspects = rows(5), rows(3, is_suspect=True)
    post.window.feed(others)
    post.window.feed(suspects)
    add_senders(post, 1)
    until(lambda: post.sent == [*suspects, *others])


def test_as_many_are_sent_at_once_as_there_are_senders(post: Post) -> None:
    post.window.feed(rows(10))
    add_senders(post, 3)
    until(lambda: len(post.sending) == 3)
    assert post.window.waiting == 7


def test_it_is_blocked_when_every_sender_waits_and_rows_do(post: Post) -> None:
    assert not post.window.is_blocked()
    post.window.feed(rows(3))
    add_senders(post, 2)
    until(lambda: len(post.sending) == 2)
    until(post.window.is_blocked)
    post.window.take_back()
    assert not post.window.is_blocked()


def test_it_is_not_blocked_while_a_sender_is_free(post: Post) -> None:
    post.window.feed(rows(1))
    add_senders(post, 2)
    until(lambda: len(post.sending) == 1)
    assert not post.window.is_blocked()


def test_what_no_sender_has_begun_can_be_taken_back(post: Post) -> None:
    some = rows(10)
    post.window.feed(some)
    add_senders(post, 2)
    until(lambda: len(post.sending) == 2)
    assert post.window.take_back() == some[2:]
    post.window.close()
    post.open()
    until(lambda: len(post.left) == 2)
    assert post.sent == some[:2] or post.sent == some[1::-1]
    assert post.window.senders == 0


def test_of_several_senders_too_many_only_those_leave(post: Post) -> None:
    post.window.feed(rows(10))
    add_senders(post, 5)
    until(lambda: len(post.sending) == 5)
    post.most = 2
    post.open()
    until(lambda: len(post.sent) == 10)
    until(lambda: len(post.left) == 3)
    assert post.window.senders == 2


def test_senders_that_wait_for_rows_obey_a_limit_that_fell_meanwhile(post: Post) -> None:
    add_senders(post, 5)
    until(lambda: post.window.senders == 5)
    post.most = 2
    post.window.feed(rows(10))
    until(lambda: len(post.left) == 3)
    until(lambda: len(post.sending) == 2)
    assert post.window.waiting == 8


def test_the_wait_ends_when_few_rows_are_left_or_nobody_sends(post: Post) -> None:
    began = time.monotonic()
    post.window.feed(rows(4))
    post.window.wait(low_water=1, timeout_s=None)  # there is no sender
    add_senders(post, 1)
    post.window.wait(low_water=4, timeout_s=None)
    assert time.monotonic() - began < 5
    post.window.wait(low_water=1, timeout_s=0.01)
    assert post.window.waiting == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sender_that_breaks_counts_no_more() -> None:
    def break_down(row: Claimed) -> None:
        raise SystemExit

    left: list[str] = []
    window = Window(send=break_down, left=left.append, must_leave=lambda: False)
    window.feed(rows(2))
    before = set(threading.enumerate())
    window.add_sender("slot")
    until(lambda: left == ["slot"])
    for sender in set(threading.enumerate()) - before:
        sender.join(10)
    assert window.senders == 0
    assert window.waiting == 1
