"""Deliveries that ended some time ago, and what is counted of them."""

import datetime as dt
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from delivery import tally
from delivery.intervals import hour_of
from delivery.models import FINAL, Delivery, Replay, State, Tally
from delivery.replay.making import make_batch
from tests.factories import DeliveryFactory

# In the middle of an hour that is over, so that nothing slips into the next one.
CAME_IN_AT = hour_of(timezone.now()) - dt.timedelta(hours=2, minutes=-30)
SECOND = dt.timedelta(seconds=1)


def ended(state: str = State.FAILED, **values: Any) -> Delivery:
    """In that state; one that is not final waits for its next attempt."""
    row = {
        "state": state,
        "attempts": 1,
        "created_at": CAME_IN_AT,
        "ingested_at": CAME_IN_AT,
        "first_attempt_at": CAME_IN_AT,
        "finished_at": CAME_IN_AT + SECOND if state in FINAL else None,
        "next_attempt_at": None if state in FINAL else timezone.now() + 600 * SECOND,
    }
    delivery: Delivery = DeliveryFactory(**row | values)
    return delivery


def make_all(replay: Replay) -> int:
    """Until the replay has ended. How many were made."""
    made = 0
    while Replay.objects.running().filter(pk=replay.pk).exists():
        made += make_batch(replay.pk)
        Delivery.objects.filter(replay=replay, state=State.PENDING).update(state=State.IN_FLIGHT)
    return made


def counted() -> dict[str, int]:
    """What is counted over all webhooks and hours, without the times."""
    sums = Tally.objects.values_list("what").annotate(Sum("count"))
    return {what: count for what, count in sums if count and what[0] != "t"}


def everything() -> dict[tuple[Any, ...], int]:
    keys = Tally.objects.values_list("webhook_id", "hour", "what")
    return {key[:3]: key[3] for key in keys.annotate(count=Sum("count")) if key[3]}


def assert_a_recount_finds_the_same() -> None:
    kept = everything()
    tally.recount()
    assert everything() == kept
