"""Publishes the demo's events, has one sent again, and follows them through the API."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

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
    """An event on its way to a webhook. `receipt_ms`: from ingestion to the receiver's answer."""

    name: str
    event_id: str
    by_child: bool
    state: str = "pending"
    receipt_ms: float | None = None
    attempts: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_delivered(self) -> bool:
        return self.state == "delivered"


class LogUnreadable(Exception):
    """The API does not show the log of an event; the text tells why."""


@dataclass(frozen=True)
class Shown:
    """`events` went to the demo's receiver, `replayed` is one of them that went there again."""

    events: list[Sent]
    enriched: list[Sent]
    recovered: list[Sent]
    replayed: Sent


@dataclass(frozen=True)
class Show:
    """`patience_s`: how long to wait for the deliveries, all together."""

    state: DemoState
    url: str
    patience_s: float = PATIENCE_S
    sleep: Callable[[float], object] = time.sleep

    def run(self) -> Shown:
        """Publish the sample of each of the demo's events, one after the other.

        Raises NotPublished, LogUnreadable and NoAnswer.
        """
        until = time.monotonic() + self.patience_s
        groups = self._consumer_groups()
        sent = []
        for name in brand.EVENT_NAMES:
            sent.append(self._publish(name))
            self._follow(sent[-1], groups.get(brand.RECEIVER.name), until)
        return Shown(
            sent,
            enriched=self._also(brand.CRM, groups, sent, until),
            replayed=self._replay(sent[0], groups.get(brand.RECEIVER.name), until),
            recovered=self._also(brand.ANALYTICS, groups, sent, until),
        )

    @property
    def _client(self) -> Client:
        return Client(self.url, self.state.code, self.state.password)

    def _consumer_groups(self) -> dict[str, str]:
        """By name those of the demo's webhooks that are still there."""
        answer = self._client.get("/v3/webHooks")
        if not answer.is_success:
            raise LogUnreadable(f"The webhooks can not be read: {answer.reason}")
        ours = set(self.state.webhook_ids.values())
        return {
            webhook["name"]: webhook["consumerGroupId"]
            for webhook in answer.data
            if webhook["webHookId"] in ours
        }

    def _also(
        self, webhook: brand.DemoWebhook, groups: dict[str, str], sent: list[Sent], until: float
    ) -> list[Sent]:
        """What became of the same events at another webhook."""
        own = [
            Sent(event.name, event.event_id, event.by_child)
            for event in sent
            if event.name in webhook.event_names
        ]
        for event in own:
            self._follow(event, groups.get(webhook.name), until)
        return own

    def _replay(self, event: Sent, group: str | None, until: float) -> Sent:
        """Have it sent once more; its state stays that of the first time where it can not be."""
        again = Sent(event.name, event.event_id, event.by_child, event.state)
        if group is None or event.is_open:
            return again
        body = json.dumps({"consumerGroupId": group}).encode()
        answer = self._client.post(f"{_log_of(event)}/replay", body)
        again.state = "pending" if answer.is_success else f"refused: {answer.reason}"
        if answer.is_success:
            self._follow(again, group, until)
        return again

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

    def _follow(self, event: Sent, group: str | None, until: float) -> None:
        """Read its log until the delivery has its final state, or the time is over."""
        if group is None:
            event.state = NOT_SUBSCRIBED
            return
        pause_s = FIRST_PAUSE_S
        while True:
            self._look_after(event, group)
            if not event.is_open or time.monotonic() > until:
                return
            self.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _look_after(self, event: Sent, group: str) -> None:
        """Note the delivery's state now. Raises LogUnreadable and NoAnswer."""
        answer = self._client.get(f"{_log_of(event)}?consumerGroupId={group}")
        if answer.status == HTTPStatus.NOT_FOUND:
            # Deliveries are made together with the event: there will be none later.
            event.state = NOT_SUBSCRIBED
        elif not answer.is_success:
            raise LogUnreadable(f"The log of {event.event_id} can not be read: {answer.reason}")
        else:
            event.state, event.attempts = answer.data["status"], answer.data["attempts"]
            if event.is_delivered:
                event.receipt_ms = _receipt_ms(answer.data)


def _log_of(event: Sent) -> str:
    return f"/v3/webHooks/eventLog/{quote(event.event_id, safe='')}"


def _receipt_ms(entry: dict[str, Any]) -> float:
    """Of a delivered event; when several attempts were needed, to the end of the last one."""
    ingested = _moment(entry["eventIngestionTimestamp"])
    if entry["attempts"] > 1:
        return (_moment(entry["eventEndTimestamp"]) - ingested).total_seconds() * 1000
    waited = _moment(entry["eventStartTimestamp"]) - ingested
    return float(waited.total_seconds() * 1000 + entry["consumerResponse"]["time_taken"])


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
