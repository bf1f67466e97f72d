"""Rows that these tests start from, and the moments in them that they move."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from delivery.models import Delivery, State
from events.models import Event
from tests.factories import DeliveryFactory, EventFactory
from webhooks.models import Webhook


def create_due(webhook: Webhook, count: int) -> None:
    """So many deliveries to the webhook, each of an event of its own, due now."""
    events = [
        EventFactory.build(organization=webhook.organization, event_id=str(uuid.uuid4()))
        for _ in range(count)
    ]
    Event.objects.bulk_create(events, batch_size=1_000)
    Delivery.objects.bulk_create(
        [DeliveryFactory.build(webhook=webhook, event=event) for event in events],
        batch_size=1_000,
    )


def end_leases(redis: Any) -> None:
    """As if the leases of all workers had run out: to be called while none lives.

    Rows, slots and the marks of wake-ups that nobody took.
    """
    in_flight = Delivery.objects.filter(state=State.IN_FLIGHT)
    in_flight.update(lease_until=Now() - timedelta(seconds=1))
    end_slot_leases(redis)
    for key in redis.scan_iter("ens:wake:*"):
        redis.delete(key)


def end_slot_leases(redis: Any) -> None:
    for key in redis.scan_iter("ens:sem:*", _type="zset"):
        redis.zadd(key, dict.fromkeys(redis.zrange(key, 0, -1), 1), xx=True)


def make_replays_due() -> None:
    """As if the time until their next attempt had passed."""
    waiting = Delivery.objects.filter(state=State.RETRYING)
    waiting.update(next_attempt_at=F("created_at"))


def cut_database_connections() -> None:
    """End every connection to this test's database but our own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
