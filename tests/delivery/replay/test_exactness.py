"""Very many deliveries are replayed in one go: each once, whoever dies meanwhile."""

import contextlib
import datetime as dt
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import django.db
import pytest
from django.db import connection

from delivery import tally
from delivery.engine.claim import claim
from delivery.engine.clock import database_now
from delivery.engine.record import write
from delivery.intake import Accepted, ingest
from delivery.models import Delivery, Replay, State
from delivery.replay.making import Maker
from delivery.volume.rows import insert
from events.models import Event, new_row_id
from tests.delivery.replay.ended import CAME_IN_AT, assert_a_recount_finds_the_same
from tests.delivery.replay.sweepers import swept_by_a_process
from tests.delivery.test_tally import outcome
from tests.factories import ReplayFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

SECOND = dt.timedelta(seconds=1)
EVERY_NTH_IS_RETRIED = 25
NEW_EVENTS = 5  # with each claim, as long as some are replayed
CLAIMED = 200


def how_many() -> int:
    return 50_000 if connection.vendor == "postgresql" else 2_000


def fill(webhook: Webhook, count: int) -> None:
    """So many deliveries that failed, but for some that are still being retried."""
    organization_id, name = webhook.organization_id, "transactionAdded"
    ids = [new_row_id() for _ in range(count)]
    events = [
        *("id", "organization_id", "event_id", "name", "ref_id", "request_id", "search_key"),
        *("customer_id", "occurred_at", "ingested_at", "received_from", "is_test", "digest"),
        "payload",
    ]
    row = (name, "r", "q", "", "", CAME_IN_AT, CAME_IN_AT, "", False, "d", "{}")
    insert(
        Event,
        events,
        ((row_id, organization_id, str(row_id), *row) for row_id in ids),
    )
    expires_at, retry_at = database_now() + 3_600 * SECOND, database_now() - SECOND
    failed = (State.FAILED.value, None, CAME_IN_AT + SECOND)
    retried = (State.RETRYING.value, retry_at, None)
    names = [
        *("id", "event_id", "webhook_id", "state", "next_attempt_at", "finished_at"),
        *("created_at", "ingested_at", "expires_at", "is_replay", "lease_token", "lost_leases"),
        *("attempts", "last_error"),
    ]
    insert(
        Delivery,
        names,
        (
            (
                new_row_id(),
                row_id,
                webhook.pk,
                *(failed if number % EVERY_NTH_IS_RETRIED else retried),
                *(CAME_IN_AT, CAME_IN_AT, expires_at, False, 1, 0, 1, ""),
            )
            for number, row_id in enumerate(ids)
        ),
    )


def accept(webhook: Webhook) -> set[str]:
    """New events, while others are replayed."""
    bodies = [{"eventName": "transactionAdded", "data": {"n": n}} for n in range(NEW_EVENTS)]
    fates = ingest(bodies, organization=webhook.organization, request_id="q", received_from="till")
    return {fate.event_id for fate in fates if isinstance(fate, Accepted)}


@contextlib.contextmanager
def closing_connections() -> Iterator[None]:
    """Of this thread."""
    try:
        yield
    finally:
        django.db.connections.close_all()


class Workers:
    """They all get 200 for an answer, but hold most of what is replayed."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.new_events = self.claims = 0
        self._lock = threading.Lock()
        self._pause = threading.Event()

    def sweep_and_deliver(self) -> None:
        """A batch, new events, and a claim, while there is something to make."""
        maker = Maker()
        with closing_connections():
            while Replay.objects.running().exists():
                if maker.run():
                    self.deliver(with_new_events=True)
                else:  # the other one has the replay
                    self._pause.wait(0.01)

    def deliver(self, *, with_new_events: bool = False) -> int:
        """What is new is in the next claim, however many replays wait. How many were claimed."""
        with self._lock:
            arrived = accept(self.webhook) if with_new_events else set()
            self.new_events += len(arrived)
            self.claims += 1
            retries_first = self.claims % 4 == 0
            rows = claim(self.webhook.pk, CLAIMED, retries_first=retries_first)
        if not retries_first:
            assert arrived <= {row.event_id for row in rows}
        if rows:
            write([outcome(row) for row in rows])
        replayed = Delivery.objects.filter(webhook=self.webhook, state=State.PENDING)
        replayed.exclude(replay=None).update(state=State.IN_FLIGHT)
        return len(rows)


def test_each_is_replayed_once_while_new_events_flow_and_a_sweeper_dies() -> None:
    count = how_many()
    webhook: Webhook = WebhookFactory(sla_s=0)
    fill(webhook, count)
    tally.recount()
    replay: Replay = ReplayFactory(
        webhook=webhook,
        start=CAME_IN_AT - SECOND,
        end=CAME_IN_AT + SECOND,
        states=[State.FAILED, State.RETRYING],
        total=count,
    )
    workers = Workers(webhook)
    assert swept_by_a_process("in_replay@2") == -signal.SIGKILL
    with ThreadPoolExecutor(2) as pool:
        for sweeper in [pool.submit(workers.sweep_and_deliver) for _ in range(2)]:
            sweeper.result()
    while workers.deliver():
        pass

    replay.refresh_from_db()
    made = Counter(Delivery.objects.filter(replay=replay).values_list("event", flat=True))
    assert set(made.values()) == {1}
    assert replay.made == len(made)
    assert replay.made + replay.passed_over == count
    failed = Delivery.objects.filter(state=State.FAILED, replay=None)
    assert failed.count() == count - count // EVERY_NTH_IS_RETRIED
    assert set(failed.values_list("event", flat=True)) <= set(made)
    # All others have got through, or are held; also those that were retried by themselves.
    others = Delivery.objects.exclude(pk__in=failed)
    held = others.filter(state=State.IN_FLIGHT)
    assert not held.filter(replay=None).exists()
    assert set(others.values_list("state", flat=True)) == {State.DELIVERED, State.IN_FLIGHT}
    assert others.count() == len(made) + workers.new_events + count // EVERY_NTH_IS_RETRIED
    assert workers.new_events > 0
    assert_a_recount_finds_the_same()
