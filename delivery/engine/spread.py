"""When a receiver is back: its waiting replays go out within a minute, not in a burst."""

import datetime as dt
import random
import uuid

from django.db.models import F, Q, Value
from django.db.models.functions import Least

from delivery.engine.clock import database_now
from delivery.engine.retry import EDGE_S
from delivery.models import Delivery, Health, State

SPREAD_S = 60.0
BATCH = 5_000
_STEPS = 60


def spread_after_recovery() -> int:
    """Move replays of recovered webhooks into the minute after now. Answers how many moved.

    A receiver that is back need not wait a quarter of an hour for what is already due to it.
    A batch a pass: with very many rows, the later ones follow in the next passes.
    """
    moved = 0
    for health in Health.objects.exclude(spread_from=None).filter(open_until=None)[:100]:
        begun = health.spread_from
        assert begun is not None  # noqa: S101  the query says so; this tells the type checker
        until = begun + dt.timedelta(seconds=SPREAD_S)
        outside = Q(next_attempt_at__lte=begun) | Q(next_attempt_at__gt=until)
        waiting = Delivery.objects.filter(
            outside, webhook_id=health.webhook_id, state=State.RETRYING
        )
        ids = list(waiting.order_by("next_attempt_at", "id").values_list("id", flat=True)[:BATCH])
        _spread(ids)
        moved += len(ids)
        if len(ids) < BATCH:
            Health.objects.filter(pk=health.pk, spread_from=begun).update(spread_from=None)
    return moved


def _spread(ids: list[uuid.UUID]) -> None:
    """Give each of the rows one of 60 moments of the coming minute, by chance."""
    now = database_now()
    random.shuffle(ids)
    for step in range(_STEPS):
        share = ids[step::_STEPS]
        if share:
            moment = now + dt.timedelta(seconds=step * SPREAD_S / _STEPS)
            Delivery.objects.filter(id__in=share, state=State.RETRYING).update(
                next_attempt_at=Least(Value(moment), F("expires_at") - dt.timedelta(seconds=EDGE_S))
            )
