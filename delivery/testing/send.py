"""Sends a test to a webhook now and keeps what came of it.

It goes past the queue: no turn is waited for, and nothing is replayed. The webhook may be inactive
or at rest. Event, delivery and attempt are kept as those of a test, so that they have their pages,
and nothing else learns of them: no tally, no health, no alert; a 410 deactivates nothing.
"""

import contextlib
import datetime as dt
import functools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from rest_framework.exceptions import APIException, Throttled

from delivery.engine.claim import LEASE_S
from delivery.engine.clock import Reading, database_now
from delivery.engine.retry import Rules, decide
from delivery.engine.sending import MISSED_HEADER
from delivery.engine.sweep import LOST_LEASES_TO_QUARANTINE
from delivery.engine.targets import destination_of
from delivery.enrichment.lookups import look_up_for_pages
from delivery.enrichment.payloads import Enriched, enrich
from delivery.enrichment.settings import Settings
from delivery.guarding import installation_guard
from delivery.models import Attempt, Delivery, State
from delivery.transport.door import AnyDestination, Door, build
from delivery.transport.request import masked_headers
from delivery.transport.result import Result
from events.models import Event
from events.store import Checked, event_of
from organizations import audit
from organizations.models import Organization
from organizations.throttles import take
from webhooks.models import Webhook

log = structlog.get_logger(__name__)

# A hanging receiver holds the thread of a request for half a minute. These few of a process may
# be held so; the others go on answering.
AT_ONCE = 3
AT_ONCE_FOR_ONE = 2  # organisation
A_MINUTE = 30  # for an organisation
BUSY_WAIT_S = 5.0
# What an outcome changes of a delivery.
ENDED = (
    *("state", "lease_until", "lost_leases", "first_attempt_at", "finished_at"),
    *("last_status", "last_error", "last_duration_ms"),
)


class NotSendable(APIException):
    """Of our making. Whoever runs the service can mend it, or who gives the values anew."""

    status_code = 409
    default_code = "webhook_unreadable"
    default_detail = (
        "The webhook's stored headers, password or signing secret can not be read: the key with"
        " which they were encrypted is missing. Give them anew."
    )


@dataclass(frozen=True, slots=True)
class SentTest:
    """A test that was sent, as it is kept. `body` is what the receiver got."""

    delivery: Delivery
    attempt: Attempt
    body: str


class _Turns:
    """Who sends tests at the moment in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[int] = Counter()

    @contextlib.contextmanager
    def turn(self, organization: Organization) -> Iterator[None]:
        """Raises Throttled at once when there is none."""
        with self._lock:
            if self._held.total() >= AT_ONCE or self._held[organization.pk] >= AT_ONCE_FOR_ONE:
                raise Throttled(BUSY_WAIT_S, "Other tests still wait for their receivers.")
            self._held[organization.pk] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[organization.pk] -= 1
                self._held += Counter()  # forgets those that hold none


_turns = _Turns()


def send_test(webhook: Webhook, item: Checked, by: audit.By) -> SentTest:
    """Send the event to the webhook, which need not be subscribed to it, and wait for the answer.

    That takes no longer than the webhook's timeout and two seconds for the body. Raises Throttled
    when too many tests are sent, and NotSendable.
    """
    organization = webhook.organization
    with _turns.turn(organization):
        wait_s = take(f"tests:{organization.pk}", 1, A_MINUTE)
        if wait_s is not None:
            raise Throttled(wait_s, f"At most {A_MINUTE} tests a minute.")
        destination = destination_of(webhook.pk)
        if destination is None:
            raise NotSendable
        reading = Reading.at(database_now())
        delivery = _keep(webhook, item, by, reading.moment)
        event = delivery.event
        (content,) = enrich(
            organization.pk, [event.payload], Settings.of(webhook), look_up_for_pages
        )
        started_at = reading.now()
        headers, result = _sent(destination, event, content, started_at)
        times = (started_at, reading.now())
        return _keep_outcome(delivery, content.payload, headers, result, times)


def _sent(
    destination: AnyDestination, event: Event, content: Enriched, started_at: dt.datetime
) -> tuple[str, Result]:
    """The request's headers for the log, and how it went."""
    request = build(
        destination,
        event_id=event.event_id,
        timestamp_s=int(started_at.timestamp()),
        body=content.payload.encode(),
    )
    if content.missed:
        request.headers[MISSED_HEADER] = content.missed
    result = _door().post(destination, request)
    return json.dumps(masked_headers(request.headers), ensure_ascii=False), result


@functools.cache
def _door() -> Door:
    """Keeps no connection: a test shall find what a new one finds."""
    return Door(guard=installation_guard(), ca_bundle=settings.CA_BUNDLE or None, pool_size=0)


@transaction.atomic
def _keep(webhook: Webhook, item: Checked, by: audit.By, now: dt.datetime) -> Delivery:
    """Event and delivery, before it is sent.

    When the process ends meanwhile, the delivery's lease does, and the sweep sets it aside as one
    that ended its worker: it is not sent again.
    """
    event = event_of(
        item,
        webhook.organization,
        now=now,
        received_from=str(audit.caller_in(by).actor["code"])[:100],
        is_test=True,
    )
    event.save(force_insert=True)
    audit.record(
        by,
        action="test sent",
        obj=webhook,
        after={"event_name": event.name, "event_id": event.event_id},
    )
    return Delivery.objects.create(
        event=event,
        webhook=webhook,
        state=State.IN_FLIGHT,
        lease_until=now + dt.timedelta(seconds=LEASE_S),
        lost_leases=LOST_LEASES_TO_QUARANTINE - 1,
        created_at=now,
        ingested_at=now,
        next_attempt_at=None,
        expires_at=now,
        attempts=1,
        first_attempt_at=now,
    )


def _keep_outcome(
    delivery: Delivery,
    body: str,
    headers: str,
    result: Result,
    times: tuple[dt.datetime, dt.datetime],
) -> SentTest:
    """`times`: when the request began and ended."""
    started_at, ended_at = times
    delivery.state = _state(result, ended_at)
    delivery.lease_until = None
    delivery.lost_leases = 0
    delivery.first_attempt_at = started_at
    delivery.finished_at = ended_at
    delivery.last_status = result.status
    delivery.last_error = result.error or ""
    delivery.last_duration_ms = result.duration_ms
    with transaction.atomic():
        delivery.save(update_fields=ENDED)
        attempt = Attempt.objects.create(
            delivery=delivery,
            number=1,
            started_at=started_at,
            duration_ms=result.duration_ms,
            address=result.address or "",
            request_headers=headers,
            status=result.status,
            response_headers=json.dumps(result.headers),
            response_body=result.body,
            body_truncated=result.body_truncated,
            error=result.error or "",
            detail=result.detail,
        )
    log.info("test_sent", webhook=delivery.webhook_id, state=delivery.state, status=result.status)
    return SentTest(delivery, attempt, body)


def _state(result: Result, now: dt.datetime) -> State:
    """As of the last attempt of any delivery; what would be replayed has failed."""
    decision = decide(result, Rules(), attempt=1, now=now, expires_at=now, chance=0.0)
    return State.FAILED if decision.state is State.EXPIRED else decision.state
