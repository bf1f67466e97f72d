"""Who gets an event: one delivery for each webhook that is subscribed to it and wants it."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from delivery.engine.clock import NOW, as_moment
from events.models import new_row_id
from events.store import Checked
from organizations.database import fetch
from organizations.models import Organization
from webhooks.payload_filter import Filter, compiled

_SUBSCRIBERS = """
SELECT {now}, s.event_name, w.id, w.sla_s, w.filter
FROM (SELECT 1) AS one
LEFT JOIN (
    webhooks_subscription AS s JOIN webhooks_webhook AS w ON w.id = s.webhook_id
) ON (w.deleted_at IS NULL OR w.undo_until > {now}) AND w.deactivated_at IS NULL
 AND s.event_name IN ({names})
 AND (w.organization_id = %(organization)s
      OR (w.organization_id = %(parent)s AND w.listen_to_child_events))
"""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`sla_s` 0 means that no SLA was promised; `filter` None, that every event is wanted."""

    webhook_id: int
    sla_s: int
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """One event, by its row, on its way to one webhook.

    `filter_error` is why the webhook's filter could not be evaluated; such an event is delivered.
    """

    row_id: uuid.UUID
    event_row_id: uuid.UUID
    subscriber: Subscriber
    filter_error: str = ""


def subscribers(
    organization: Organization, event_names: Collection[str]
) -> tuple[dt.datetime, dict[str, list[Subscriber]]]:
    """The database's time, and by event name the active webhooks that are subscribed.

    Those of the organisation, and those of its parent that listen to its children. One whose
    deletion may yet be undone is among them, or an undo would have missed an event.
    """
    names = {f"name{number}": name for number, name in enumerate(event_names)}
    sql = _SUBSCRIBERS.format(now=NOW(), names=", ".join(f"%({key})s" for key in names))
    rows = fetch(
        sql, {"organization": organization.pk, "parent": organization.parent_id or 0, **names}
    )
    found: dict[str, list[Subscriber]] = {}
    for _, event_name, webhook_id, sla_s, text in rows:
        if webhook_id is not None:
            chosen = None if text in (None, "null") else compiled(text)
            found.setdefault(event_name, []).append(Subscriber(webhook_id, sla_s, chosen))
    return as_moment(rows[0][0]), found


def fan_out(
    items: Iterable[Checked], by_name: Mapping[str, Sequence[Subscriber]]
) -> list[NewDelivery]:
    """The deliveries that these events need."""
    return [
        NewDelivery(new_row_id(), item.row_id, subscriber, filter_error)
        for item in items
        for subscriber, filter_error in _wanting(item, by_name.get(item.envelope.name, ()))
    ]


def _wanting(item: Checked, subscribers: Sequence[Subscriber]) -> Iterator[tuple[Subscriber, str]]:
    for subscriber in subscribers:
        if subscriber.filter is None:
            yield subscriber, ""
            continue
        verdict = subscriber.filter.match(item.envelope.whole)
        if verdict.matches is not False:
            yield subscriber, verdict.reason
