"""How often each type of event occurred.

The intake does not count: events are tallied in the background, up to a mark that follows the
present at a distance. What is younger than the mark is counted when somebody asks.
"""

import datetime as dt

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from events.models import Event, EventTally, EventTallyMark
from organizations.models import Organization

# An event is seen when its transaction ends, a while after the moment that it bears.
DISTANCE = dt.timedelta(seconds=10)
STEP = dt.timedelta(seconds=10)
BEFORE_ALL = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ROWS_OF_STATEMENT = 1_000

_ADD = """
INSERT INTO events_eventtally (organization_id, name, day, count) VALUES {rows}
ON CONFLICT (organization_id, day, name) DO UPDATE
SET count = events_eventtally.count + excluded.count
"""


def counts(organization: Organization, days: int = 30) -> dict[str, int]:
    """The organisation's events of the last `days` days (of UTC, today's included) by type.

    Test events are not counted, and types of which none occurred are not in it.
    """
    first_day = timezone.now().astimezone(dt.UTC).date() - dt.timedelta(days=days - 1)
    mark = _mark()
    while True:
        counted = _counts_beside(mark, organization, first_day)
        if (moved := _mark()) == mark:
            return counted
        mark = moved  # and what is tallied with it: the sum was of two moments


def _mark() -> dt.datetime:
    return EventTallyMark.objects.values_list("until", flat=True).first() or BEFORE_ALL


def _counts_beside(
    mark: dt.datetime, organization: Organization, first_day: dt.date
) -> dict[str, int]:
    """What is tallied, and the events after `mark`, in one query."""
    tallied = EventTally.objects.filter(organization=organization, day__gte=first_day)
    young = Event.objects.filter(
        organization=organization,
        is_test=False,
        ingested_at__gte=dt.datetime.combine(first_day, dt.time(), dt.UTC),
        ingested_at__gt=mark,
    )
    both = (
        tallied.order_by()
        .values_list("name")
        .annotate(number=Sum("count"))
        .union(young.order_by().values_list("name").annotate(number=Count("pk")), all=True)
    )
    found: dict[str, int] = {}
    for name, number in both:
        found[name] = found.get(name, 0) + number
    return found


def advance(now: dt.datetime) -> int:
    """Tally what came in since the last time; how many events. `now` is the database's.

    Nothing happens within STEP after the last time, and two at once count nothing twice.
    """
    mark, _ = EventTallyMark.objects.get_or_create(pk=1, defaults={"until": BEFORE_ALL})
    until = now - DISTANCE
    if until - mark.until < STEP:
        return 0
    with transaction.atomic():
        mark = EventTallyMark.objects.select_for_update().get(pk=1)
        added = _tally(mark.until, until) if mark.until < until else 0
        oldest = now - dt.timedelta(days=settings.RETENTION_DAYS)
        EventTally.objects.filter(day__lt=oldest.astimezone(dt.UTC).date()).delete()
    return added


def recount(now: dt.datetime) -> int:
    """Count all events anew; how many. `now` is the database's."""
    with transaction.atomic():
        EventTallyMark.objects.get_or_create(pk=1, defaults={"until": BEFORE_ALL})
        EventTallyMark.objects.select_for_update().get(pk=1)
        EventTally.objects.all().delete()
        return _tally(BEFORE_ALL, now - DISTANCE)


def _tally(since: dt.datetime, until: dt.datetime) -> int:
    """Add those after `since` to the tallies and move the mark, which the caller has locked."""
    # The organisations are named, so that the index on each one's events in order serves.
    organizations = list(Organization.objects.values_list("pk", flat=True))
    events = Event.objects.filter(
        organization__in=organizations,
        is_test=False,
        ingested_at__gt=since,
        ingested_at__lte=until,
    )
    day = TruncDate("ingested_at", tzinfo=dt.UTC)
    grouped = events.order_by().annotate(day=day).values_list("organization_id", "name", "day")
    rows = list(grouped.annotate(number=Count("pk")))
    with connection.cursor() as cursor:
        for first in range(0, len(rows), ROWS_OF_STATEMENT):
            part = rows[first : first + ROWS_OF_STATEMENT]
            sql = _ADD.format(rows=", ".join(["(%s, %s, %s, %s)"] * len(part)))
            cursor.execute(sql, [value for row in part for value in row])
    EventTallyMark.objects.filter(pk=1).update(until=until)
    return sum(row[-1] for row in rows)
