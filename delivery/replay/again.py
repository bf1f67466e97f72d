"""New deliveries of what was delivered, or was not, before.

The old one stays as it is, and so do its automatic retries; from now on the new one is what counts
of this event at this webhook.
"""

import datetime as dt
import uuid
from collections.abc import Sequence

from django.conf import settings

from delivery import tally
from delivery.intervals import hour_of
from delivery.models import Delivery, Replay, State
from events.models import Event, new_row_id
from webhooks.models import Webhook


def make_again(
    replaced: Sequence[Delivery], webhook: Webhook, now: dt.datetime, replay: Replay | None
) -> list[Delivery]:
    """One new delivery for each; what was counted for the old one is taken back.

    The old ones are locked, in this transaction, and the newest of their events, which are
    loaded with them. Of those that wait no worker of before may report any more: it would count
    them, not knowing yet of the new ones. `now` is the database's.
    """
    made = [
        _delivery(webhook, old.event_id, old.ingested_at, now, replay, after=old.pk)
        for old in replaced
    ]
    waiting = [old.pk for old in replaced if old.state == State.RETRYING]
    if waiting:
        Delivery.objects.filter(pk__in=waiting).fence_off()
    Delivery.objects.bulk_create(made)
    taken_back = tally.Change()
    for old in replaced:
        if not old.event.is_test:
            taken_back.add_ended(old, hour_of(old.ingested_at), -1)
    taken_back.write()
    return made


def first_delivery(
    webhook: Webhook, event: Event, now: dt.datetime, replay: Replay, filter_error: str
) -> Delivery:
    """Of an event that never had one to this webhook; not saved."""
    made = _delivery(webhook, event.pk, event.ingested_at, now, replay, after=None)
    made.filter_error = filter_error
    return made


def _delivery(
    webhook: Webhook,
    event_row_id: uuid.UUID,
    ingested_at: dt.datetime,
    now: dt.datetime,
    replay: Replay | None,
    *,
    after: uuid.UUID | None,
) -> Delivery:
    return Delivery(
        id=_row_id(after),
        event_id=event_row_id,
        webhook=webhook,
        is_replay=after is not None,
        replay=replay,
        created_at=now,
        ingested_at=ingested_at,
        next_attempt_at=now,
        expires_at=now + dt.timedelta(hours=settings.DELIVERY_HOURS),
        sla_due_at=now + dt.timedelta(seconds=webhook.sla_s) if webhook.sla_s else None,
    )


def _row_id(after: uuid.UUID | None) -> uuid.UUID:
    """A new one, later than that of the delivery it stands for, whose process may have had a
    clock that was ahead of ours."""
    made = new_row_id()
    return made if after is None or made > after else uuid.UUID(int=after.int + 1)
