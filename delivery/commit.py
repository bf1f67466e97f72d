"""Stores events together with their deliveries: all of it, or nothing."""

import datetime as dt
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from delivery import tasks
from delivery.fan_out import NewDelivery, fan_out, subscribers
from delivery.models import Delivery
from events.models import Event
from events.store import Checked, Stored, event_of, fates, in_order
from organizations.database import fetch, is_postgresql
from organizations.models import Organization

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request brings. `received_from` names its credential, `now` is the database's."""

    items: Sequence[Checked]
    deliveries: Sequence[NewDelivery]
    organization: Organization
    received_from: str
    now: dt.datetime

    @property
    def expires_at(self) -> dt.datetime:
        return self.now + dt.timedelta(hours=settings.DELIVERY_HOURS)


def commit(
    items: Sequence[Checked], organization: Organization, received_from: str
) -> list[Stored]:
    """Store what is new, in one transaction, and wake the workers. What became of each item.

    `received_from` names the credential.
    """
    now, by_name = subscribers(organization, {item.envelope.name for item in items})
    deliveries = fan_out(items, by_name)
    insert = _insert_postgresql if is_postgresql() else _insert_sqlite
    inserted = insert(Batch(in_order(items), deliveries, organization, received_from, now))
    webhook_ids = {d.subscriber.webhook_id for d in deliveries if d.event_row_id in inserted}
    if webhook_ids:
        # Robust: a committed event must not be answered with an error.
        transaction.on_commit(lambda: tasks.waker().soon(webhook_ids), robust=True)
    return fates(items, inserted, organization)


# One statement is one transaction, and one way to the server and back.
_INSERT = """
WITH event AS (
    INSERT INTO events_event (id, organization_id, event_id, name, ref_id, request_id, search_key,
        customer_id, occurred_at, ingested_at, received_from, is_test, digest, failures, payload)
    SELECT e.id, %(organization)s, e.event_id, e.name, e.ref_id, e.request_id, e.search_key,
        e.customer_id, e.occurred_at, %(now)s, %(received_from)s, false, e.digest,
        e.failures::jsonb, e.payload
    FROM unnest(%(row_ids)b::uuid[], %(event_ids)b::text[], %(names)b::text[],
        %(ref_ids)b::text[], %(request_ids)b::text[], %(search_keys)b::text[],
        %(customer_ids)b::text[], %(occurred_ats)b::timestamptz[], %(digests)b::text[],
        %(failures)b::text[], %(payloads)b::text[])
        AS e(id, event_id, name, ref_id, request_id, search_key, customer_id, occurred_at, digest,
             failures, payload)
    ON CONFLICT (organization_id, event_id) DO NOTHING
    RETURNING id
), delivery AS (
    INSERT INTO delivery_delivery (id, event_id, webhook_id, state, is_replay, created_at,
        ingested_at, next_attempt_at, expires_at, lease_token, lost_leases, attempts, last_error,
        sla_due_at, filter_error)
    SELECT d.id, d.event_id, d.webhook_id, 'pending', false, %(now)s, %(now)s, %(now)s,
        %(expires_at)s, 0, 0, 0, '', %(now)s + nullif(d.sla_s, 0) * interval '1 second',
        coalesce(d.filter_error, '')
    FROM unnest(%(delivery_ids)b::uuid[], %(delivered_ids)b::uuid[], %(webhook_ids)b::bigint[],
        %(slas)b::int[], %(filter_errors)b::text[])
        AS d(id, event_id, webhook_id, sla_s, filter_error)
    JOIN event ON event.id = d.event_id
)
SELECT id FROM event
"""


def _insert_postgresql(batch: Batch) -> Collection[uuid.UUID]:
    """Answers the ids of the event rows that are new."""
    items, deliveries = batch.items, batch.deliveries
    envelopes = [item.envelope for item in items]
    rows = fetch(
        _INSERT,
        {
            "organization": batch.organization.pk,
            "received_from": batch.received_from,
            "now": batch.now,
            "expires_at": batch.expires_at,
            "row_ids": [item.row_id for item in items],
            "event_ids": [envelope.event_id for envelope in envelopes],
            "names": [envelope.name for envelope in envelopes],
            "ref_ids": [envelope.ref_id for envelope in envelopes],
            "request_ids": [envelope.request_id for envelope in envelopes],
            "search_keys": [envelope.search_key for envelope in envelopes],
            "customer_ids": [envelope.customer_id for envelope in envelopes],
            "occurred_ats": [envelope.occurred_at for envelope in envelopes],
            "digests": [envelope.digest for envelope in envelopes],
            "failures": [item.failures and json.dumps(item.failures) for item in items],
            "payloads": [envelope.payload for envelope in envelopes],
            "delivery_ids": [delivery.row_id for delivery in deliveries],
            "delivered_ids": [delivery.event_row_id for delivery in deliveries],
            "webhook_ids": [delivery.subscriber.webhook_id for delivery in deliveries],
            "slas": [delivery.subscriber.sla_s for delivery in deliveries],
            # Mostly there are none: an array that ends early is filled up with NULL.
            "filter_errors": _filter_errors(deliveries),
        },
    )
    return {row_id for (row_id,) in rows}


def _filter_errors(deliveries: Sequence[NewDelivery]) -> list[str]:
    """In the deliveries' order; empty when there is none at all."""
    if not any(delivery.filter_error for delivery in deliveries):
        return []
    return [delivery.filter_error for delivery in deliveries]


def _insert_sqlite(batch: Batch) -> Collection[uuid.UUID]:
    with transaction.atomic():
        Event.objects.bulk_create(
            [
                event_of(
                    item,
                    batch.organization,
                    now=batch.now,
                    received_from=batch.received_from,
                )
                for item in batch.items
            ],
            ignore_conflicts=True,
        )
        row_ids = [item.row_id for item in batch.items]
        inserted = set(Event.objects.filter(id__in=row_ids).values_list("id", flat=True))
        new = [_delivery(d, batch) for d in batch.deliveries if d.event_row_id in inserted]
        Delivery.objects.bulk_create(new, batch_size=BATCH)
    return inserted


def _delivery(new: NewDelivery, batch: Batch) -> Delivery:
    sla_s = new.subscriber.sla_s
    return Delivery(
        id=new.row_id,
        event_id=new.event_row_id,
        webhook_id=new.subscriber.webhook_id,
        created_at=batch.now,
        ingested_at=batch.now,
        next_attempt_at=batch.now,
        expires_at=batch.expires_at,
        sla_due_at=batch.now + dt.timedelta(seconds=sla_s) if sla_s else None,
        filter_error=new.filter_error,
    )
