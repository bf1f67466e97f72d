import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from events import frequency
from events.models import Event, EventTally, EventTallyMark
from organizations.models import Organization
from tests.delivery.engine.conftest import at_once
from tests.factories import EventFactory, OrganizationFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory()


def came_in(organization: Organization, name: str, at: dt.datetime, **values: Any) -> Event:
    return EventFactory(organization=organization, name=name, ingested_at=at, **values)


def test_events_count_whether_they_are_tallied_or_not(organization: Organization) -> None:
    now = timezone.now()
    for age in (MINUTE, 2 * MINUTE, dt.timedelta(days=3)):
        came_in(organization, "customerAdded", now - age)
    came_in(organization, "pointsIssued", now)
    expected = {"customerAdded": 3, "pointsIssued": 1}
    assert frequency.counts(organization) == expected
    assert frequency.advance(now) == 3
    assert frequency.counts(organization) == expected
    assert frequency.advance(now + MINUTE) == 1
    assert frequency.counts(organization) == expected


def test_what_is_tallied_is_not_counted_again(organization: Organization) -> None:
    now = timezone.now()
    came_in(organization, "customerAdded", now - MINUTE)
    assert frequency.advance(now) == 1
    assert frequency.advance(now) == 0
    assert frequency.advance(now - MINUTE) == 0
    came_in(organization, "customerAdded", now)
    assert frequency.advance(now + MINUTE) == 1
    assert EventTally.objects.get().count == 2


def test_the_tally_keeps_its_distance_from_the_present(organization: Organization) -> None:
    now = timezone.now()
    came_in(organization, "customerAdded", now - frequency.DISTANCE + MINUTE / 60)
    assert frequency.advance(now) == 0
    mark = EventTallyMark.objects.get()
    assert abs(mark.until - (now - frequency.DISTANCE)) < MINUTE / 60


def test_test_events_and_those_of_others_are_not_counted(organization: Organization) -> None:
    now = timezone.now()
    came_in(organization, "customerAdded", now - MINUTE, is_test=True)
    came_in(organization, "customerAdded", now, is_test=True)
    came_in(OrganizationFactory(), "customerAdded", now - MINUTE)
    frequency.advance(now)
    assert frequency.counts(organization) == {}


def test_a_day_is_that_of_utc_and_only_as_many_count_as_are_asked_for(
    organization: Organization,
) -> None:
    midnight = timezone.now().astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    came_in(organization, "customerAdded", midnight - MINUTE)
    came_in(organization, "customerAdded", midnight)
    for tallied in (False, True):
        if tallied:
            frequency.advance(timezone.now() + MINUTE)
        assert frequency.counts(organization, days=1) == {"customerAdded": 1}
        assert frequency.counts(organization, days=2) == {"customerAdded": 2}
    days = EventTally.objects.order_by("day").values_list("day", flat=True)
    assert list(days) == [(midnight - MINUTE).date(), midnight.date()]


def test_days_older_than_the_retention_are_forgotten(organization: Organization) -> None:
    today = timezone.now().astimezone(dt.UTC).date()
    for age in (settings.RETENTION_DAYS, settings.RETENTION_DAYS + 1):
        EventTally.objects.create(
            organization=organization,
            name="customerAdded",
            day=today - dt.timedelta(days=age),
            count=1,
        )
    frequency.advance(timezone.now())
    assert [tally.day for tally in EventTally.objects.all()] == [
        today - dt.timedelta(days=settings.RETENTION_DAYS)
    ]


def test_a_recount_finds_what_the_rows_say(organization: Organization) -> None:
    now = timezone.now()
    came_in(organization, "customerAdded", now - MINUTE)
    frequency.advance(now)
    EventTally.objects.update(count=99)
    assert frequency.recount(now) == 1
    assert frequency.counts(organization) == {"customerAdded": 1}


def test_counts_take_three_queries(
    organization: Organization, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):
        frequency.counts(organization)


def test_when_the_mark_moves_meanwhile_all_is_counted_once(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    came_in(organization, "customerAdded", now - MINUTE)
    count = frequency._counts_beside
    tallied = iter([True])

    def tally_first(*arguments: Any) -> dict[str, int]:
        if next(tallied, False):
            frequency.advance(now)
        return count(*arguments)

    monkeypatch.setattr(frequency, "_counts_beside", tally_first)
    assert frequency.counts(organization) == {"customerAdded": 1}


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tally_nothing_twice(organization: Organization) -> None:
    now = timezone.now()
    for _ in range(3):
        came_in(organization, "customerAdded", now - MINUTE)
    added = at_once(4, lambda: frequency.advance(now))
    assert sorted(added) == [0, 0, 0, 3]
    assert EventTally.objects.get().count == 3


def test_many_types_are_tallied(organization: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(frequency, "ROWS_OF_STATEMENT", 2)
    now = timezone.now()
    names = [f"customEvent{number}" for number in range(5)]
    for name in names:
        came_in(organization, name, now - MINUTE)
    assert frequency.advance(now) == 5
    assert frequency.counts(organization) == dict.fromkeys(names, 1)
