"""Taking due rows under a lease, and giving back what was not sent.

A claim raises `attempts` and `lease_token`; whoever reports an outcome shows the token.
"""

import datetime as dt
import functools
import operator
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce

from delivery.engine.clock import Reading, database_now
from delivery.enrichment.settings import Settings
from delivery.models import Delivery, State
from organizations.database import fetch, is_postgresql
from webhooks.models import Webhook

LEASE_S = 75.0
GIVEN_BACK_AT_ONCE = 200  # SQLite takes conditions up to a depth of 1,000


@dataclass(slots=True)
class Claimed:
    """One row that this process may send until its lease ends. `attempt` counts from 1.

    `ingested_at`, `is_test` and `organization_id` are the event's. `is_suspect` when the last
    worker that had it never reported back. `payload` is the event's too, until it is enriched for
    a webhook's settings; `missed` tells why it is not as they wish (`enrichment.payloads`).
    """

    delivery_id: uuid.UUID
    webhook_id: int
    token: int
    attempt: int
    expires_at: dt.datetime
    event_id: str
    payload: str
    reading: Reading
    ingested_at: dt.datetime
    is_test: bool
    is_suspect: bool
    organization_id: int
    enriched_for: Settings | None = None
    missed: str = ""

    @property
    def lease_left_s(self) -> float:
        return LEASE_S - self.reading.age_s()


_CLAIM = """
{parts}UPDATE delivery_delivery AS d
SET state = 'in_flight', lease_token = d.lease_token + 1, attempts = d.attempts + 1,
    lease_until = statement_timestamp() + make_interval(secs => %(lease_s)s),
    first_attempt_at = coalesce(d.first_attempt_at, statement_timestamp())
FROM ({due}) AS due, events_event AS e
WHERE d.id = due.id AND e.id = d.event_id
RETURNING d.id, d.lease_token, d.attempts, d.expires_at, e.event_id, e.payload,
          d.ingested_at, e.is_test, d.lost_leases, e.organization_id,
          statement_timestamp(), d.created_at
"""
# ORDER BY and LIMIT follow the index `delivery_due`; the state is a literal in the text so that the
# partial index is seen to apply.
_DUE = """
    SELECT id FROM delivery_delivery
    WHERE webhook_id = %(webhook_id)s AND state = '{state}' {narrowed}
      AND next_attempt_at <= statement_timestamp() AND expires_at > statement_timestamp()
    ORDER BY next_attempt_at, id LIMIT {most} FOR UPDATE SKIP LOCKED
"""
# What a replay of a range made comes after everything else that is pending. It never makes so
# many at once that to step over them would take long; mostly there are none.
_OWN = _DUE.format(state="pending", narrowed="AND replay_id IS NULL", most="%(most)s")
_OF_REPLAYS = _DUE.format(
    state="pending",
    narrowed="AND replay_id IS NOT NULL",
    most="%(most)s - (SELECT count(*) FROM own)",
)
_CLAIM_BY_STATE = {
    State.PENDING: _CLAIM.format(
        parts=f"WITH own AS ({_OWN}), of_replays AS ({_OF_REPLAYS})\n",
        due="SELECT id FROM own UNION ALL SELECT id FROM of_replays",
    ),
    State.RETRYING: _CLAIM.format(
        parts="", due=_DUE.format(state="retrying", narrowed="", most="%(most)s")
    ),
}
# The same for SQLite.
_PARTS = {State.PENDING: (Q(replay=None), ~Q(replay=None)), State.RETRYING: (Q(),)}


def claim(webhook_id: int, most: int, *, retries_first: bool = False) -> list[Claimed]:
    """At most `most` due rows, now in flight under a lease of LEASE_S.

    First attempts come before replays, the oldest first, and what was replayed by range after
    what came in; with `retries_first` retries come first, so that a flood of new events can not
    starve them.
    """
    states = [State.PENDING, State.RETRYING]
    if retries_first:
        states.reverse()
    take = _claim_postgresql if is_postgresql() else _claim_sqlite
    rows = take(webhook_id, most, states[0])
    if len(rows) < most:
        rows += take(webhook_id, most - len(rows), states[1])
    return rows


def claim_within(webhook_id: int, limit: int) -> list[Claimed]:
    """A claim that never lets more than `limit` rows of the webhook be in flight over all workers.

    For the time without Redis: the rows themselves are the semaphore.
    """
    with transaction.atomic():
        Webhook.objects.select_for_update().filter(pk=webhook_id).first()
        in_flight = Delivery.objects.filter(webhook_id=webhook_id, state=State.IN_FLIGHT).count()
        return claim(webhook_id, limit - in_flight) if in_flight < limit else []


def any_in_flight() -> bool:
    """Whether any process may be sending: every request's row is claimed before and until after."""
    return Delivery.objects.filter(state=State.IN_FLIGHT).exists()


def _claim_postgresql(webhook_id: int, most: int, state: State) -> list[Claimed]:
    asked_s = time.monotonic()  # before: a process that is suspended here must find itself late
    rows = fetch(
        _CLAIM_BY_STATE[state], {"webhook_id": webhook_id, "most": most, "lease_s": LEASE_S}
    )
    if not rows:
        return []
    rows.sort(key=lambda row: (row[-1], row[0]))
    reading = Reading(rows[0][-2], asked_s)
    return [_claimed(webhook_id, reading, row) for row in rows]


def _claim_sqlite(webhook_id: int, most: int, state: State) -> list[Claimed]:
    with transaction.atomic():  # IMMEDIATE: nobody else writes between the two statements
        asked_s = time.monotonic()
        now = database_now()
        due = Delivery.objects.filter(
            webhook_id=webhook_id, state=state, next_attempt_at__lte=now, expires_at__gt=now
        ).order_by("next_attempt_at", "id")
        ids: list[uuid.UUID] = []
        for part in _PARTS[state]:
            ids += due.filter(part).values_list("id", flat=True)[: most - len(ids)]
        if not ids:
            return []
        Delivery.objects.filter(id__in=ids).update(
            state=State.IN_FLIGHT,
            lease_token=F("lease_token") + 1,
            attempts=F("attempts") + 1,
            lease_until=now + dt.timedelta(seconds=LEASE_S),
            first_attempt_at=Coalesce("first_attempt_at", now),
        )
        reading = Reading(now, asked_s)
        claimed = Delivery.objects.filter(id__in=ids).order_by("id").values_list(*_COLUMNS)
        return [_claimed(webhook_id, reading, row) for row in claimed]


_COLUMNS = (
    *("id", "lease_token", "attempts", "expires_at", "event__event_id", "event__payload"),
    *("ingested_at", "event__is_test", "lost_leases", "event__organization_id"),
)


def _claimed(webhook_id: int, reading: Reading, row: Sequence[Any]) -> Claimed:
    """Of a row that begins with _COLUMNS."""
    return Claimed(
        delivery_id=row[0],
        webhook_id=webhook_id,
        token=row[1],
        attempt=row[2],
        expires_at=row[3],
        event_id=row[4],
        payload=row[5],
        reading=reading,
        ingested_at=row[6],
        is_test=row[7],
        is_suspect=row[8] > 0,
        organization_id=row[9],
    )


def give_back(rows: Sequence[Claimed]) -> None:
    """Make rows that were claimed and not sent due again, as if they had not been claimed."""
    for first in range(0, len(rows), GIVEN_BACK_AT_ONCE):
        _give_back(rows[first : first + GIVEN_BACK_AT_ONCE])


def _give_back(rows: Sequence[Claimed]) -> None:
    held = functools.reduce(
        operator.or_, (Q(id=row.delivery_id, lease_token=row.token) for row in rows)
    )
    never_tried = Q(attempts=1)
    Delivery.objects.filter(held, state=State.IN_FLIGHT).update(
        state=Case(When(never_tried, then=Value(State.PENDING)), default=Value(State.RETRYING)),
        first_attempt_at=Case(When(never_tried, then=None), default=F("first_attempt_at")),
        attempts=F("attempts") - 1,
        lease_until=None,
    )
