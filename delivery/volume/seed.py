"""Fills an organisation with as much as a busy brand has: to look at pages, and to measure them.

All is drawn by chance from a seed, relative to now: the same numbers give the same picture. Rows
go past the intake and the engine, in bulk; what these would have counted is counted afterwards.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from django.db import connection, transaction

from delivery import tally
from delivery.engine.clock import database_now
from delivery.models import Attempt, Delivery
from delivery.volume import brand, rows, traffic
from events import frequency
from events.models import Event
from organizations.database import is_postgresql
from organizations.models import Organization

EVENTS_OF_BATCH = 20_000
# So many of the latest deliveries have their attempts logged.
DELIVERIES_WITH_ATTEMPTS = 50_000


@dataclass(frozen=True)
class Volume:
    webhooks: int
    deliveries: int
    event_types: int
    days: int
    seed: int


@transaction.atomic
def fill(organization: Organization, volume: Volume, tell: Callable[[str], None]) -> None:
    """`tell` hears how far it is. Everything is written in one transaction."""
    now = database_now()
    rng = Random(volume.seed)  # noqa: S311  a picture, not a secret
    names = brand.make_event_types(organization, volume.event_types)
    drawn = traffic.Traffic(
        organization,
        brand.make_receivers(organization, volume.webhooks, names, rng, now, volume.days),
        brand.make_customers(organization),
        volume.deliveries,
        volume.days,
        rng,
        now,
    )
    _write(drawn, tell)
    tell("Counting …")
    tally.recount()
    frequency.recount(now)
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _write(drawn: traffic.Traffic, tell: Callable[[str], None]) -> None:
    latest: deque[rows.Row] = deque(maxlen=min(DELIVERIES_WITH_ATTEMPTS, drawn.deliveries))
    written = 0
    for events, deliveries in _batches(drawn):
        rows.insert(Event, traffic.EVENT, events)
        rows.insert(Delivery, traffic.DELIVERY, deliveries)
        latest.extend(deliveries)
        written += len(deliveries)
        tell(f"{written:,} deliveries")
    attempts = (row for delivery in latest for row in traffic.attempts_of(delivery))
    rows.insert(Attempt, traffic.ATTEMPT, attempts)


def _batches(drawn: traffic.Traffic) -> Iterator[tuple[list[rows.Row], list[rows.Row]]]:
    events: list[rows.Row] = []
    deliveries: list[rows.Row] = []
    for event, its_deliveries in drawn.events():
        events.append(event)
        deliveries += its_deliveries
        if len(events) == EVENTS_OF_BATCH:
            yield events, deliveries
            events, deliveries = [], []
    if events:
        yield events, deliveries
