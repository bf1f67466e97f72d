import threading
from collections.abc import Iterator
from typing import Any

import django.db
import pytest

from delivery.enrichment.lookups import MOST_THREADS, Lookups, Unavailable, look_up_for_pages
from delivery.enrichment.provider import Found, Till, Wanted
from tests.delivery.engine.conftest import at_once, until
from tests.delivery.enrichment import facts
from tests.delivery.enrichment.reference import load
from tests.factories import OrganizationFactory

WANTED = Wanted(till_ids=frozenset({1}))
FOUND = Found({1: Till(1, "a")})


class Hanging:
    """Answers nobody until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        self.asked += 1
        self.go.wait(30)
        return FOUND


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    provider = Hanging()
    yield provider
    provider.go.set()


class Failing:
    """Raises so many times, then answers."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left = times
        self.error = error
        self.asked = 0

    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self.error
        return FOUND


def test_an_answer_is_handed_on() -> None:
    lookups = Lookups(Failing(0, ValueError()))
    assert lookups.look_up(7, WANTED) is FOUND
    lookups.stop()


def test_one_that_fails_once_is_asked_again() -> None:
    provider = Failing(1, django.db.OperationalError("the connection is gone"))
    assert Lookups(provider).look_up(7, WANTED) is FOUND
    assert provider.asked == 2


@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError("its own"), django.db.Error()])
def test_one_that_fails_twice_is_unavailable_and_asked_by_the_next(error: Exception) -> None:
    lookups = Lookups(Failing(2, error))
    with pytest.raises(Unavailable, match=f"it raised {type(error).__name__}"):
        lookups.look_up(7, WANTED)
    assert lookups.look_up(7, WANTED) is FOUND


def test_one_that_hangs_is_left_alone_for_a_while(hanging: Hanging) -> None:
    lookups = Lookups(hanging, lookup_s=0.05, rest_s=60)
    with pytest.raises(Unavailable, match="no answer within"):
        lookups.look_up(7, WANTED)
    for _ in range(3):
        with pytest.raises(Unavailable, match="a moment ago"):
            lookups.look_up(7, WANTED)
    assert hanging.asked == 1


def test_after_its_rest_it_is_asked_again(hanging: Hanging) -> None:
    lookups = Lookups(hanging, lookup_s=0.05, rest_s=0)
    with pytest.raises(Unavailable):
        lookups.look_up(7, WANTED)
    hanging.go.set()
    until(lambda: _answers(lookups))


def _answers(lookups: Lookups) -> bool:
    try:
        return lookups.look_up(7, WANTED) is FOUND
    except Unavailable:
        return False


def test_no_more_threads_hang_than_there_may_be(hanging: Hanging) -> None:
    lookups = Lookups(hanging, lookup_s=0.2, rest_s=0)
    answers = at_once(MOST_THREADS + 5, lambda: lookups.look_up(7, WANTED))
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert hanging.asked <= MOST_THREADS
    hanging.go.set()
    until(lambda: _answers(lookups))


def test_one_that_hangs_for_one_holds_up_no_other() -> None:
    class HangsForOne(Hanging):
        def look_up(self, organization_id: int, wanted: Wanted) -> Found:
            return super().look_up(organization_id, wanted) if organization_id == 1 else FOUND

    provider = HangsForOne()
    lookups = Lookups(provider)
    waiting = threading.Thread(target=lookups.look_up, args=(1, WANTED))
    waiting.start()
    until(lambda: provider.asked)
    assert lookups.look_up(2, WANTED) is FOUND
    provider.go.set()
    waiting.join(10)


@pytest.mark.both_databases
@pytest.mark.django_db
def test_pages_ask_the_database_in_their_own_transaction() -> None:
    organization = OrganizationFactory()
    load(organization)
    wanted = Wanted(till_ids=frozenset({facts.TILL_ID}))
    assert look_up_for_pages(organization.pk, wanted).tills == {facts.TILL_ID: facts.TILL}


class Elsewhere:
    """An installation's own provider."""

    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        return Found({till_id: Till(till_id, "elsewhere") for till_id in wanted.till_ids})


def test_pages_ask_the_provider_of_the_settings(settings: Any) -> None:
    settings.ENRICHMENT_PROVIDER = f"{__name__}.Elsewhere"
    assert look_up_for_pages(7, WANTED).tills == {1: Till(1, "elsewhere")}
