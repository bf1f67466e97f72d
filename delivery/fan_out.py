"""Who gets an event: one delivery for each webhook that is subscribed to it."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from delivery.models import Delivery
from events.models import Event
from organizations.models import Organization
from webhooks.models import Subscription

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`sla_s` 0 means that no SLA was promised."""

    webhook_id: int
    sla_s: int


def subscribers(
    organization: Organization, event_names: Collection[str]
) -> dict[str, list[Subscriber]]:
    """By event name: the organisation's active webhooks, and its parent's that listen to it."""
    whose = Q(webhook__organization=organization)
    if organization.parent_id is not None:
        whose |= Q(
            webhook__organization=organization.parent_id, webhook__listen_to_child_events=True
        )
    rows = Subscription.objects.filter(
        whose,
        event_name__in=event_names,
        webhook__deleted_at=None,
        webhook__deactivated_at=None,
    ).values_list("event_name", "webhook_id", "webhook__sla_s")
    found: dict[str, list[Subscriber]] = {}
    for event_name, webhook_id, sla_s in rows:
        found.setdefault(event_name, []).append(Subscriber(webhook_id, sla_s))
    return found


def fan_out(
    events: Sequence[Event], by_name: Mapping[str, Sequence[Subscriber]], now: dt.datetime
) -> set[int]:
    """Insert the deliveries of new events, inside the caller's transaction.

    `now` is the moment of ingestion by the database's clock. Answers the webhooks concerned.
    """
    deliveries = [
        Delivery(
            event=event,
            webhook_id=subscriber.webhook_id,
            created_at=now,
            ingested_at=now,
            next_attempt_at=now,
            expires_at=now + dt.timedelta(hours=settings.DELIVERY_HOURS),
            sla_due_at=now + dt.timedelta(seconds=subscriber.sla_s) if subscriber.sla_s else None,
        )
        for event in events
        for subscriber in by_name.get(event.name, ())
    ]
    Delivery.objects.bulk_create(deliveries, batch_size=BATCH)
    return {delivery.webhook_id for delivery in deliveries}
