"""Publishes the demo's events, follows them through the API, and tells a newcomer what to try."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.urls import reverse

from ens_project.demo import brand
from ens_project.demo.state import DemoState
from events.catalogue import standard_sample
from events.client import Client
from events.publishing import NotPublished, fresh, publish, template_of_sample

PATIENCE_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
OPEN = frozenset({"pending", "in_flight", "retrying"})
NOT_SUBSCRIBED = "not subscribed"


@dataclass
class Sent:
    """An event on its way. `receipt_ms`: from ingestion to the receiver's answer."""

    name: str
    event_id: str
    by_child: bool
    state: str = "pending"
    receipt_ms: float | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_delivered(self) -> bool:
        return self.state == "delivered"


class LogUnreadable(Exception):
    """The API does not show the log of an event; the text tells why."""


@dataclass(frozen=True)
class Show:
    """`patience_s`: how long to wait for the deliveries, all together."""

    state: DemoState
    url: str
    patience_s: float = PATIENCE_S
    sleep: Callable[[float], object] = time.sleep

    def run(self) -> list[Sent]:
        """Publish the sample of each of the demo's events, one after the other.

        Raises NotPublished, LogUnreadable and NoAnswer.
        """
        until = time.monotonic() + self.patience_s
        sent = []
        for name in brand.EVENT_NAMES:
            sent.append(self._publish(name))
            self._follow(sent[-1], until)
        return sent

    def _publish(self, name: str) -> Sent:
        by_child = name in brand.EVENT_NAMES_OF_CHILD
        state = self.state
        client = (
            Client(self.url, state.child_code, state.child_password)
            if by_child
            else Client(self.url, state.code, state.password)
        )
        event = fresh(template_of_sample(standard_sample(name)))
        published = publish(client, [event], sleep=self.sleep)
        if published.rejected:
            raise NotPublished(f"{name} was rejected: {published.reason}")
        return Sent(name, event["eventId"], by_child)

    def _follow(self, event: Sent, until: float) -> None:
        """Read its log until the event has its final state, or the time is over."""
        client = Client(self.url, self.state.code, self.state.password)
        pause_s = FIRST_PAUSE_S
        while True:
            _look_after(client, event)
            if not event.is_open or time.monotonic() > until:
                return
            self.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _look_after(client: Client, event: Sent) -> None:
    """Note the event's state now. Raises LogUnreadable and NoAnswer."""
    answer = client.get(f"/v3/webHooks/eventLog/{quote(event.event_id, safe='')}")
    if answer.status == 404:
        # Deliveries are made together with the event: there will be none later.
        event.state = NOT_SUBSCRIBED
    elif not answer.is_success:
        raise LogUnreadable(f"The log of {event.event_id} can not be read: {answer.reason}")
    else:
        event.state = answer.data["status"]
        if event.is_delivered:
            event.receipt_ms = _receipt_ms(answer.data)


def _receipt_ms(entry: dict[str, Any]) -> float:
    """Of a delivered event; when several attempts were needed, to the end of the last one."""
    ingested = _moment(entry["eventIngestionTimestamp"])
    if entry["attempts"] > 1:
        return (_moment(entry["eventEndTimestamp"]) - ingested).total_seconds() * 1000
    waited = _moment(entry["eventStartTimestamp"]) - ingested
    return float(waited.total_seconds() * 1000 + entry["consumerResponse"]["time_taken"])


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


# --- On the terminal -----------------------------------------------------------------------


def story(state: DemoState, url: str, sent: list[Sent]) -> str:
    """What happened and what can be done now, in lines of at most 100 characters."""
    parts = (_table(sent), _doors(state, url), _commands(state, url, sent))
    return "\n" + "\n".join(line.rstrip() for part in parts for line in part)


def _table(sent: list[Sent]) -> Iterator[str]:
    yield f"  {brand.PARENT} has published {len(sent)} events through the API."
    yield ""
    yield f"  {'event':<24}{'state':<16}{'received after':>14}"
    for event in sent:
        after = "" if event.receipt_ms is None else f"{event.receipt_ms:.0f} ms"
        by_child = f"   from {brand.CHILD}" if event.by_child else ""
        yield f"  {event.name:<24}{event.state:<16}{after:>14}{by_child}"
    times_ms = [event.receipt_ms for event in sent if event.receipt_ms is not None]
    delivered = sum(event.is_delivered for event in sent)
    median = f", the median after {statistics.median(times_ms):.0f} ms" if times_ms else ""
    yield ""
    yield f"  {delivered} of {len(sent)} delivered{median}; counted from ingestion to the"
    yield "  receiver's answer. The first one may have waited for the workers to start."


def _doors(state: DemoState, url: str) -> Iterator[str]:
    yield ""
    yield f"  Sign in          {url}{reverse('sign-in')}"
    for user in brand.USERS:
        if user.username in state.users:
            yield f"    {user.username:<6} {state.users[user.username]:<22} {user.may}"
    yield f"  API, to try out  {url}{reverse('api-docs')}"


def _commands(state: DemoState, url: str, sent: list[Sent]) -> Iterator[str]:
    credential = f"curl -sSw '\\n' -u {state.code}:{state.password}"
    yield ""
    yield "  Publish an event of your own:"
    yield ""
    yield f"{credential} \\"
    yield "  -H 'Content-Type: application/json' \\"
    yield """  -d '{"eventName": "customerAdded", "data": {"firstName": "Asha","""
    yield """       "customerIdentifiers": {"customerId": 482579328}}}' \\"""
    yield f"  {url}/v3/events"
    yield ""
    yield "  Read what became of one:"
    yield ""
    yield f"{credential} \\"
    yield f"  {url}/v3/webHooks/eventLog/{sent[0].event_id}"
    yield ""
    yield "  List the webhooks:"
    yield ""
    yield f"{credential} \\"
    yield f"  {url}/v3/webHooks"
    yield ""
    yield "  Ctrl-C stops everything; the next start goes on with the same data."
    yield ""
