"""The events of a made-up brand, and what became of them at its webhooks."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from random import Random

from delivery.engine.retention import first_row_id
from delivery.models import WAITING, State
from delivery.volume.brand import Receiver
from delivery.volume.character import LONGEST_WAIT_S, Fate
from delivery.volume.rows import Row
from organizations.models import Organization

# How busy the hours of a day (UTC) are, compared with each other.
HOURS = (2, 1, 1, 1, 2, 3, 5, 8, 10, 12, 13, 14, 15, 14, 13, 12, 12, 13, 14, 12, 9, 6, 4, 3)
HOUR = dt.timedelta(hours=1)
PART = 0.15
MISMATCHES = 0.005
TESTS = 0.0005
MOST_ATTEMPTS_LOGGED = 10
EXPIRY = dt.timedelta(hours=24)
MISMATCH = [{"path": "data.customerId", "message": "It is not an integer."}]

EVENT = (
    *("id", "organization_id", "event_id", "name", "ref_id", "request_id", "search_key"),
    *("customer_id", "occurred_at", "ingested_at", "received_from", "is_test", "digest"),
    *("failures", "payload"),
)
DELIVERY = (
    *("id", "event_id", "webhook_id", "state", "is_replay", "created_at", "ingested_at"),
    *("next_attempt_at", "expires_at", "lease_token", "lost_leases", "attempts"),
    *("first_attempt_at", "finished_at", "sla_due_at", "sla_breached_at"),
    *("last_status", "last_error", "last_duration_ms"),
)
ATTEMPT = (
    *("delivery_id", "number", "started_at", "duration_ms", "address", "request_headers"),
    *("status", "response_headers", "response_body", "body_truncated", "error", "detail"),
)


@dataclass(frozen=True)
class Traffic:
    """Events until there are as many deliveries as wanted, in the order of time."""

    organization: Organization
    receivers: Sequence[Receiver]
    customers: Sequence[int]
    deliveries: int
    days: int
    rng: Random
    now: dt.datetime

    def events(self) -> Iterator[tuple[Row, list[Row]]]:
        """Each event with its deliveries."""
        for moment, name, receivers in sorted(self._plan(), key=itemgetter(0)):
            event = self._event(name, moment)
            yield event, [self._delivery(event, receiver, moment) for receiver in receivers]

    def _plan(self) -> Iterator[tuple[dt.datetime, str, list[Receiver]]]:
        """When what occurs and who gets it, in no order."""
        subscribed: dict[str, list[Receiver]] = defaultdict(list)
        for receiver in self.receivers:
            for name in receiver.names:
                subscribed[name].append(receiver)
        weights = list(accumulate(receiver.character.weight for receiver in self.receivers))
        moments = self._moments()
        left = self.deliveries
        while left:
            moment = next(moments)
            (first,) = self.rng.choices(self.receivers, cum_weights=weights)
            name = self.rng.choice(first.names)
            # Of all who could subscribe a part does in truth.
            others = [r for r in subscribed[name] if r is not first and self.rng.random() < PART]
            receivers = [r for r in (first, *others) if _is_sent(r, moment)][:left]
            left -= len(receivers)
            yield moment, name, receivers

    def _moments(self) -> Iterator[dt.datetime]:
        """Within the last days, more by day than by night, without end."""
        hours = range(self.days * 24)
        weights = list(accumulate(HOURS[(self.now - HOUR * back).hour] for back in hours))
        while True:
            (back,) = self.rng.choices(hours, cum_weights=weights)
            yield self.now - HOUR * (back + self.rng.random())

    def _event(self, name: str, moment: dt.datetime) -> Row:
        event_id = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        customer = str(self.rng.choice(self.customers))
        request_id = f"{self.rng.getrandbits(128):032x}"
        payload = (
            f'{{"eventName":"{name}","eventId":"{event_id}","orgId":{self.organization.pk},'
            f'"refId":"{self.organization.pk}_{event_id}","apiRequestId":"{request_id}",'
            f'"createdAt":{int(moment.timestamp() * 1000)},"data":{{"customerId":{customer},'
            f'"customerIdentifiers":{{"customerId":{customer}}},'
            f'"amount":{self.rng.randint(1, 999)}}}}}'
        )
        chance = self.rng.random()
        return (
            *(self._row_id(moment), self.organization.pk, event_id, name),
            *(f"{self.organization.pk}_{event_id}", request_id, "", customer),
            *(moment - dt.timedelta(milliseconds=40), moment, "till.volume", chance < TESTS),
            *(request_id, MISMATCH if chance > 1 - MISMATCHES else None, payload),
        )

    def _delivery(self, event: Row, receiver: Receiver, moment: dt.datetime) -> Row:
        fate = receiver.character.fate(self.rng, moment, self.now)
        finished_at = None
        if fate.time_s is not None:
            finished_at = moment + dt.timedelta(seconds=fate.time_s)
        due_at = moment + dt.timedelta(seconds=receiver.webhook.sla_s)
        passed = finished_at if fate.state is State.DELIVERED else self.now
        is_breached = fate.state is not State.CANCELLED and passed is not None and passed >= due_at
        return (
            *(self._row_id(moment), event[0], receiver.webhook.pk, fate.state.value, False),
            *(moment, moment, self._next(fate), moment + EXPIRY),
            *(fate.attempts, 0, fate.attempts),
            moment + dt.timedelta(milliseconds=4) if fate.attempts else None,
            *(finished_at, due_at, due_at if is_breached else None),
            *(fate.status, fate.error, fate.duration_ms if fate.attempts else None),
        )

    def _next(self, fate: Fate) -> dt.datetime | None:
        if fate.state not in WAITING:
            return None
        return self.now + dt.timedelta(seconds=self.rng.uniform(0, LONGEST_WAIT_S))

    def _row_id(self, moment: dt.datetime) -> uuid.UUID:
        return uuid.UUID(
            int=first_row_id(moment).int | self.rng.getrandbits(12) << 64 | self.rng.getrandbits(62)
        )


def _is_sent(receiver: Receiver, moment: dt.datetime) -> bool:
    ended_at = receiver.character.deactivated_at
    return ended_at is None or moment < ended_at


def attempts_of(delivery: Row) -> Iterator[Row]:
    """The latest attempts, as the log has them."""
    of = dict(zip(DELIVERY, delivery, strict=True))
    count, ended_at = of["attempts"], of["finished_at"] or of["ingested_at"]
    for number in range(max(1, count - MOST_ATTEMPTS_LOGGED + 1), count + 1):
        is_last = number == count
        status = of["last_status"] if is_last else 503
        yield (
            *(of["id"], number, ended_at - dt.timedelta(seconds=5 * (count - number))),
            *(of["last_duration_ms"], "192.0.2.7:443", '[["Content-Type", "application/json"]]'),
            *(status, "" if status is None else '[["Content-Type", "text/plain"]]'),
            *("" if status is None else "ok" if status < 300 else "not now", False),
            *(of["last_error"] if is_last else "", ""),
        )
