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
from organizations.database import fetch, is_postgresql
from webhooks.models import Webhook

_INSERT = """
INSERT INTO delivery_delivery (id, event_id, webhook_id, state, is_replay, replay_id, created_at,
    ingested_at, next_attempt_at, expires_at, sla_due_at, lease_token, lost_leases, attempts,
    last_error, filter_error)
SELECT made.id, old.event_id, old.webhook_id, 'pending', true, %(replay)s, %(now)s,
    old.ingested_at, %(now)s, %(expires_at)s, %(sla_due_at)s, 0, 0, 0, '', ''
FROM unnest(%(ids)b::uuid[], %(replaced)b::uuid[]) AS made(id, replaced)
JOIN delivery_delivery AS old ON old.id = made.replaced
"""


def make_again(
    replaced: Sequence[Delivery], webhook: Webhook, now: dt.datetime, replay: Replay | None
) -> list[uuid.UUID]:
    """Ids of the new deliveries, one for each; what was counted for the old one is taken back.

    The old ones are locked, in this transaction, and the newest of their events, which are
    loaded with them. Of those that wait no worker of before may report any more: it would count
    them, not knowing yet of the new ones. `now` is the database's.
    """
    waiting = [old.pk for old in replaced if old.state == State.RETRYING]
    if waiting:
        Delivery.objects.filter(pk__in=waiting).fence_off()
    ids = [_row_id(old.pk) for old in replaced]
    insert = _insert_postgresql if is_postgresql() else _insert_sqlite
    insert(ids, replaced, webhook, now, replay)
    taken_back = tally.Change()
    for old in replaced:
        if not old.event.is_test:
            taken_back.add_ended(old, hour_of(old.ingested_at), -1)
    taken_back.write()
    return ids


def _insert_postgresql(
    ids: list[uuid.UUID],
    replaced: Sequence[Delivery],
    webhook: Webhook,
    now: dt.datetime,
    replay: Replay | None,
) -> None:
    fetch(
        _INSERT,
        {
            "ids": ids,
            "replaced": [old.pk for old in replaced],
            "replay": replay and replay.pk,
            "now": now,
            **_deadlines(webhook, now),
        },
    )


def _insert_sqlite(
    ids: list[uuid.UUID],
    replaced: Sequence[Delivery],
    webhook: Webhook,
    now: dt.datetime,
    replay: Replay | None,
) -> None:
    Delivery.objects.bulk_create(
        Delivery(
            id=row_id,
            event_id=old.event_id,
            webhook=webhook,
            is_replay=True,
            replay=replay,
            created_at=now,
            ingested_at=old.ingested_at,
            next_attempt_at=now,
            **_deadlines(webhook, now),
        )
        for row_id, old in zip(ids, replaced, strict=True)
    )


def first_delivery(
    webhook: Webhook, event: Event, now: dt.datetime, replay: Replay, filter_error: str
) -> Delivery:
    """Of an event that never had one to this webhook; not saved."""
    return Delivery(
        event=event,
        webhook=webhook,
        replay=replay,
        created_at=now,
        ingested_at=event.ingested_at,
        next_attempt_at=now,
        filter_error=filter_error,
        **_deadlines(webhook, now),
    )


def _deadlines(webhook: Webhook, now: dt.datetime) -> dict[str, dt.datetime | None]:
    """As of a delivery that is made with its event."""
    return {
        "expires_at": now + dt.timedelta(hours=settings.DELIVERY_HOURS),
        "sla_due_at": now + dt.timedelta(seconds=webhook.sla_s) if webhook.sla_s else None,
    }


def _row_id(after: uuid.UUID) -> uuid.UUID:
    """A new one, later than that of the delivery it stands for, whose process may have had a
    clock that was ahead of ours."""
    made = new_row_id()
    return made if made > after else uuid.UUID(int=after.int + 1)
