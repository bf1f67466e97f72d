"""Makes the deliveries of replays of ranges, a batch at a time: a step of the sweep.

Each batch is one short transaction that makes rows and notes how far the replay is: killed at any
moment, it was made or it was not. A replay is worked at by one sweeper at a time, under its row's
lock, and no event twice: what was made is found, and a constraint holds it.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from delivery.engine.clock import database_now
from delivery.engine.failpoints import failpoint
from delivery.log import BY_INGESTION
from delivery.models import Delivery, Replay, State
from delivery.replay.again import first_delivery, make_again
from delivery.replay.choice import Choice, filter_errors
from events.models import Event
from organizations.keyset import Cursor
from webhooks.models import Webhook

BATCH = 1_000
# No more rows of a webhook are pending than these when some are made: it takes them first, and
# what is not made yet costs nothing and can be cancelled with a word.
MOST_PENDING = 2_000
# Of one pass, so that the sweep's other work does not wait.
LONGEST_PASS_S = 0.5
# Rows that others hold are left for another round through the range.
MOST_ROUNDS = 10

# What is looked at of a delivery that is made again.
COUNTED_BY = (
    *("event_id", "webhook_id", "state", "ingested_at", "created_at", "finished_at"),
    "event__is_test",
)

DELIVERIES, MISSED = "deliveries", "missed"


@dataclass
class Place:
    """How far a replay is: in which part, after which row, in which round, whose `left_out` rows
    were in other hands."""

    part: str = DELIVERIES
    after: Cursor | None = None
    round: int = 1
    left_out: int = 0

    @classmethod
    def of(cls, stored: Any) -> "Place":
        if not stored:
            return cls()
        after = BY_INGESTION.parse(stored["after"]) if stored["after"] else None
        return cls(stored["part"], after, stored["round"], stored["left_out"])

    def stored(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "after": str(self.after) if self.after else "",
            "round": self.round,
            "left_out": self.left_out,
        }

    def after_all(self) -> "Place | None":
        """Where to go on when this round has seen all; None: that was the last."""
        if self.left_out and self.round < MOST_ROUNDS:
            return Place(self.part, round=self.round + 1)
        return Place(MISSED) if self.part == DELIVERIES else None


class Maker:
    """The replays of one process's sweeps: each gets its turn, whoever takes the most time."""

    def __init__(self) -> None:
        self._latest = uuid.UUID(int=0)

    def run(self) -> int:
        """A batch for each replay that runs, as far as time allows. How many rows were made."""
        began_s = time.monotonic()
        running = list(Replay.objects.running().order_by("id").values_list("id", flat=True))
        made = 0
        for replay_id in sorted(running, key=lambda key: (key <= self._latest, key)):
            self._latest = replay_id
            made += make_batch(replay_id)
            if time.monotonic() - began_s > LONGEST_PASS_S:
                break
        return made


def make_batch(replay_id: uuid.UUID) -> int:
    """Make the next rows of the replay, as many as its webhook has room for. How many."""
    with transaction.atomic():
        # Whoever has it makes its rows, or ends it.
        held = Replay.objects.running().select_for_update(skip_locked=True, of=("self",))
        replay = held.select_related("webhook__organization").filter(pk=replay_id).first()
        if replay is None or _is_halted(replay):
            return 0
        room = min(_room(replay.webhook), BATCH)
        if room <= 0:
            return 0
        place = Place.of(replay.place)
        part = _make_again if place.part == DELIVERIES else _make_missed
        made, end = part(replay, place, room)
        failpoint("in_replay")
        if end is None:
            replay.go_on(made, place.stored())
            replay.finish(database_now())
        else:
            replay.go_on(made, end.stored())
        return made


def _is_halted(replay: Replay) -> bool:
    """While its webhook is not sent to; for one that can not come back it is over."""
    webhook = replay.webhook
    if webhook.deleted_at is not None and webhook.undo_until is None:
        replay.cancel(database_now())
    return not webhook.is_active


def _room(webhook: Webhook) -> int:
    pending = Delivery.objects.filter(webhook=webhook, state=State.PENDING).order_by()
    return MOST_PENDING - pending[:MOST_PENDING].count()


Part = tuple[int, Place | None]  # how many rows were made, and where it goes on


def _make_again(replay: Replay, place: Place, most: int) -> Part:
    choice, webhook = Choice.of(replay), replay.webhook
    if not choice.states:
        return 0, place.after_all()
    rows = _not_made_yet(choice.deliveries(webhook), replay)
    found = _next(rows.only("ingested_at"), place, most)
    ids = [row.pk for row in found]
    held = Delivery.objects.filter(id__in=ids).order_by("id").select_for_update(skip_locked=True)
    locked = list(held.values_list("id", flat=True))
    # Looked at anew: what has happened before they were locked is seen only now.
    still = _not_made_yet(choice.deliveries(webhook), replay)
    with_events = still.filter(id__in=locked).select_related("event").only(*COUNTED_BY)
    replaced = list(with_events.order_by(*BY_INGESTION.oldest_first))
    make_again(replaced, webhook, database_now(), replay)
    left_out = place.left_out + len(ids) - len(locked)
    return len(replaced), _onward(place, found, most, left_out)


def _make_missed(replay: Replay, place: Place, most: int) -> Part:
    choice, webhook = Choice.of(replay), replay.webhook
    if not choice.missing:
        return 0, None
    found = _next(choice.missed_events(webhook).only("ingested_at"), place, most)
    now, errors = database_now(), filter_errors(webhook, found)
    new = [
        first_delivery(webhook, event, now, replay, errors[event.pk])
        for event in found
        if event.pk in errors
    ]
    Delivery.objects.bulk_create(new)
    return len(new), _onward(place, found, most, place.left_out)


def _next(rows: QuerySet[Any], place: Place, most: int) -> list[Any]:
    if place.after is not None:
        rows = rows.filter(BY_INGESTION.newer(place.after))
    return list(rows.order_by(*BY_INGESTION.oldest_first)[:most])


def _onward(
    place: Place, found: Sequence[Delivery | Event], most: int, left_out: int
) -> "Place | None":
    if len(found) < most:
        return Place(place.part, place.after, place.round, left_out).after_all()
    return Place(place.part, BY_INGESTION.of(found[-1]), place.round, left_out)


def _not_made_yet(deliveries: QuerySet[Delivery], replay: Replay) -> QuerySet[Delivery]:
    """Also if the database's clock went back: then the replay's own rows look like older ones."""
    own = Delivery.objects.filter(replay=replay, event=OuterRef("event")).order_by()
    return deliveries.alias(own=Subquery(own.values("id")[:1])).filter(own=None)
