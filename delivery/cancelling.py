"""Ends what waits, by hand. What is in flight is left alone: it ends by itself.

A cancelled delivery counts in no state (see delivery.tally), and it had not ended before: nothing
is to be counted.
"""

import datetime as dt
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from delivery.looks import LOOKS
from delivery.models import OPEN, WAITING, Delivery, State
from delivery.waiting import MOST_COUNTED, Waiting
from organizations import audit
from webhooks.models import Webhook

MOST_CANCELLED = 50_000  # of one request
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What waits in one of `states`, of events that came in from `start` on and before `end`
    (None: whenever), of `event_names` only (empty: of any)."""

    states: tuple[str, ...] = WAITING
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    event_names: tuple[str, ...] = ()

    def of(self, webhook: Webhook) -> QuerySet[Delivery]:
        rows = Delivery.objects.filter(webhook=webhook, state__in=self.states)
        if self.start is not None:
            rows = rows.filter(ingested_at__gte=self.start)
        if self.end is not None:
            rows = rows.filter(ingested_at__lt=self.end)
        if self.event_names:
            rows = rows.filter(event__name__in=self.event_names)
        return rows

    def count(self, webhook: Webhook) -> Waiting:
        count = self.of(webhook).order_by()[: MOST_COUNTED + 1].count()
        return Waiting(min(count, MOST_COUNTED), count > MOST_COUNTED)

    @property
    def audited(self) -> audit.Fields:
        chosen = {
            "status": self.states,
            "from": self.start,
            "to": self.end,
            "event_names": self.event_names,
        }
        return {name: value for name, value in chosen.items() if value}


def cancel_selected(webhook: Webhook, selection: Selection, by: audit.By) -> Waiting:
    """How many were cancelled, at most MOST_CANCELLED; it `has_more` when others wait still."""
    with transaction.atomic():
        count = cancel_rows(selection.of(webhook), MOST_CANCELLED)
        if count:
            after = selection.audited | {"deliveries": count}
            audit.record(by, action="cancelled deliveries", obj=webhook, after=after)
    return Waiting(count, count == MOST_CANCELLED and selection.of(webhook).exists())


def cancel_of_event(delivery: Delivery, by: audit.By) -> None:
    """Every delivery of its event to its webhook that waits: also the automatic retries of one
    that was replayed meanwhile.

    Raises ValidationError when none waits.
    """
    rows = Delivery.objects.filter(event=delivery.event_id, webhook=delivery.webhook_id)
    _cancel(rows, delivery, by)


def cancel_one(delivery: Delivery, by: audit.By) -> None:
    """This one. Raises ValidationError when it does not wait."""
    _cancel(Delivery.objects.filter(pk=delivery.pk), delivery, by)


def _cancel(rows: QuerySet[Delivery], delivery: Delivery, by: audit.By) -> None:
    with transaction.atomic():
        if not cancel_rows(rows, BATCH):
            raise _not_waiting(list(rows.order_by("-id").values_list("state", flat=True)))
        after = {"event_id": delivery.event.event_id, "delivery": delivery.pk}
        audit.record(by, action="cancelled delivery", obj=delivery.webhook, after=after)


def _not_waiting(states: list[str]) -> ValidationError:
    if any(state in OPEN for state in states):
        return ValidationError("It is in flight; wait for what comes of it.", "in_flight")
    word = LOOKS[State(states[0])].word.lower()
    return ValidationError(f"It does not wait any more; it is {word}.", "not_waiting")


def cancel_rows(rows: QuerySet[Delivery], most: int) -> int:
    """Of `rows` those that wait, but for what a worker is just taking; in a transaction."""
    waiting = rows.filter(state__in=WAITING).order_by("id")
    held = waiting.select_for_update(skip_locked=True, of=("self",))
    ids = list(held.values_list("id", flat=True)[:most])
    return sum(
        Delivery.objects.filter(id__in=ids[first : first + BATCH]).cancel()
        for first in range(0, len(ids), BATCH)
    )
