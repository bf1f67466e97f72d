import threading
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection

from delivery.engine.owner import Owner, OwnerStopped
from delivery.models import Delivery
from tests.delivery.engine.conftest import at_once, database_away
from tests.factories import DeliveryFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner() -> Iterator[Owner]:
    owner = Owner("test")
    yield owner
    owner.stop()


def test_questions_are_answered_by_one_thread_with_one_connection(owner: Owner) -> None:
    def who() -> tuple[int, int]:
        connection.ensure_connection()
        return threading.get_ident(), id(connection.connection)

    assert len(set(at_once(8, lambda: owner.run(who)))) == 1
    assert owner.run(threading.get_ident) != threading.get_ident()


def test_what_a_question_raises_is_raised_where_it_was_asked(owner: Owner) -> None:
    with pytest.raises(ZeroDivisionError):
        owner.run(lambda: 1 // 0)
    assert owner.run(lambda: 42) == 42


def test_after_a_database_error_the_next_question_is_answered(owner: Owner) -> None:
    DeliveryFactory()

    def broken() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")

    with pytest.raises(DatabaseError):
        owner.run(broken)
    assert owner.run(Delivery.objects.count) == 1


def test_it_connects_anew_when_the_database_is_back(owner: Owner) -> None:
    DeliveryFactory()
    assert owner.run(Delivery.objects.count) == 1
    with database_away(), pytest.raises(DatabaseError):
        owner.run(Delivery.objects.count)
    assert owner.run(Delivery.objects.count) == 1


def test_at_the_end_every_question_is_answered_or_refused() -> None:
    owner = Owner("test")
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return go_on.wait(10)

    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(owner.run(wait))
        except OwnerStopped as refusal:
            answers.append(refusal)

    asking = [threading.Thread(target=ask) for _ in range(20)]
    for thread in asking[:10]:
        thread.start()
    assert begun.wait(10)
    stopping = threading.Thread(target=owner.stop)
    stopping.start()
    for thread in asking[10:]:
        thread.start()
    go_on.set()
    for thread in (*asking, stopping):
        thread.join(10)
        assert not thread.is_alive()
    assert len(answers) == 20
    with pytest.raises(OwnerStopped):
        owner.run(lambda: 1)
