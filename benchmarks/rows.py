"""The rows that a benchmark starts from, written straight into the tables."""

import datetime as dt
import os
import time
import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import psycopg
from uuid_utils.compat import uuid7

from benchmarks.place import BenchmarkError

STALLED_S = 30.0
EVENT_NAME = "transactionAdded"
SAMPLES = Path(__file__).resolve().parent.parent / "events" / "samples"
SAMPLE = SAMPLES / f"{EVENT_NAME}.json"

_EVENT_COLUMNS = (
    "id, organization_id, event_id, name, ref_id, request_id, search_key, customer_id,"
    " occurred_at, received_from, is_test, digest, payload"
)
_DELIVERY_COLUMNS = (
    "id, event_id, webhook_id, state, is_replay, next_attempt_at, expires_at, lease_token,"
    " lost_leases, attempts, last_error"
)


@cache
def database() -> psycopg.Connection:
    """One connection of our own, in autocommit: Django's is the application's matter."""
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


@cache
def sample_text() -> str:
    """The body that every contender sends, about 1.5 KB."""
    return SAMPLE.read_text()


@cache
def organization_id() -> int:
    from organizations.creation import create_organization

    return create_organization("Benchmark").pk


def make_webhook(url: str, *, max_connections: int = 100, events: Sequence[str] = ()) -> int:
    """A signed webhook that is inactive until `activate`; subscribed to `events`."""
    from webhooks.models import SigningSecret, Subscription, Webhook
    from webhooks.signing_secrets import new_signing_secret

    webhook = Webhook.objects.create(
        organization_id=organization_id(),
        name=f"benchmark {uuid.uuid4()}",
        url=url,
        max_connections=max_connections,
    )
    SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
    Subscription.objects.bulk_create(
        Subscription(webhook=webhook, position=position, event_name=name)
        for position, name in enumerate(events)
    )
    deactivate([webhook.pk])
    return webhook.pk


def activate(webhook_ids: Sequence[int]) -> None:
    database().execute(
        "UPDATE webhooks_webhook SET deactivated_at = NULL, revision = revision + 1"
        " WHERE id = ANY(%s)",
        [list(webhook_ids)],
    )


def deactivate(webhook_ids: Sequence[int]) -> None:
    database().execute(
        "UPDATE webhooks_webhook SET deactivated_at = now(), revision = revision + 1"
        " WHERE id = ANY(%s)",
        [list(webhook_ids)],
    )


def insert_deliveries(webhook_ids: Sequence[int], count: int, payloads: Sequence[str] = ()) -> None:
    """`count` events with one delivery each, in turn for each of the webhooks.

    Their payloads are the sample, unless others are given.
    """
    now = dt.datetime.now(dt.UTC)
    later, owner = now + dt.timedelta(hours=24), organization_id()
    texts = payloads or [sample_text()] * count
    ids = [(uuid7(), uuid7()) for _ in range(count)]
    with database().transaction(), database().cursor() as cursor:
        with cursor.copy(f"COPY events_event ({_EVENT_COLUMNS}) FROM STDIN") as copy:
            for (event, _), payload in zip(ids, texts, strict=True):
                text = event.hex
                names = (text, EVENT_NAME, text, text, "", "")
                copy.write_row((event, owner, *names, now, "", False, text, payload))
        with cursor.copy(f"COPY delivery_delivery ({_DELIVERY_COLUMNS}) FROM STDIN") as copy:
            for number, (event, delivery) in enumerate(ids):
                webhook_id = webhook_ids[number % len(webhook_ids)]
                copy.write_row(
                    (delivery, event, webhook_id, "pending", False, now, later, 0, 0, 0, "")
                )
    database().execute("ANALYZE events_event, delivery_delivery")


def forget_health(webhook_id: int) -> None:
    database().execute("DELETE FROM delivery_health WHERE webhook_id = %s", [webhook_id])


def delivery_ids() -> list[uuid.UUID]:
    found = database().execute("SELECT id FROM delivery_delivery ORDER BY id")
    return [row[0] for row in found.fetchall()]


def clear() -> None:
    """Forget events, deliveries and attempts, without what deleting leaves behind."""
    database().execute("TRUNCATE delivery_alert, delivery_attempt, delivery_delivery, events_event")


def all_recorded() -> bool:
    """Whether no delivery is open any more; two looks into small indexes."""
    found = database().execute(
        "SELECT EXISTS (SELECT FROM delivery_delivery WHERE state IN ('pending', 'retrying'))"
        " OR EXISTS (SELECT FROM delivery_delivery WHERE state = 'in_flight')"
    )
    row = found.fetchone()
    return row is not None and not row[0]


def none_in_flight() -> bool:
    found = database().execute(
        "SELECT EXISTS (SELECT FROM delivery_delivery WHERE state = 'in_flight')"
    )
    row = found.fetchone()
    return row is not None and not row[0]


def wait_for_records() -> None:
    """Until all are recorded. Raises BenchmarkError when nothing is delivered for STALLED_S."""
    looked_at = time.monotonic()
    delivered = -1
    while not all_recorded():
        time.sleep(0.01)
        if time.monotonic() > looked_at + STALLED_S:
            before, (delivered, _) = delivered, outcome()
            if delivered == before:
                raise BenchmarkError(f"Nothing happens any more after {delivered} deliveries.")
            looked_at = time.monotonic()


def outcome() -> tuple[int, int]:
    """How many deliveries are delivered, and how many attempts were logged."""
    row = (
        database()
        .execute(
            "SELECT (SELECT count(*) FROM delivery_delivery WHERE state = 'delivered'),"
            " (SELECT count(*) FROM delivery_attempt)"
        )
        .fetchone()
    )
    assert row is not None
    return int(row[0]), int(row[1])
