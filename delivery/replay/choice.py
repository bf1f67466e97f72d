"""What a replay takes: which deliveries are made again, and which events were missed."""

import datetime as dt
import json
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from delivery import tally
from delivery.models import Delivery, Replay
from events.models import Event
from webhooks.models import Webhook
from webhooks.payload_filter import compiled

PAYLOADS = 50  # of at most a megabyte, that are in memory at a time


@dataclass(frozen=True, slots=True)
class Choice:
    """Events that came in from `start` on and before `end`, as it was `asked_at` that moment.

    Of their deliveries those in `states`, of `event_names` only (empty: of any), the newest of
    each event; with `missing` also events that never had one. Test events are never among them.
    """

    start: dt.datetime
    end: dt.datetime
    states: tuple[str, ...]
    event_names: tuple[str, ...]
    missing: bool
    asked_at: dt.datetime

    @classmethod
    def of(cls, replay: Replay) -> "Choice":
        return cls(
            replay.start,
            replay.end,
            tuple(replay.states),
            tuple(replay.event_names),
            replay.missing,
            replay.created_at,
        )

    def deliveries(self, webhook: Webhook) -> QuerySet[Delivery]:
        """Those to be made again. What failed, or was made, after `asked_at` is not among them:
        a replay does not run after its own failures."""
        rows = Delivery.objects.filter(
            Q(finished_at=None) | Q(finished_at__lte=self.asked_at),
            webhook=webhook,
            ingested_at__gte=self.start,
            ingested_at__lt=self.end,
            state__in=self.states,
            created_at__lt=self.asked_at,
        )
        if self.event_names:
            rows = rows.filter(event__name__in=self.event_names)
        return newest_by_look_up(tally.of_real_events(rows))

    def missed_events(self, webhook: Webhook) -> QuerySet[Event]:
        """Of types that it is subscribed to now; `filter_error` tells the rest."""
        names = webhook.subscriptions.values_list("event_name", flat=True)
        wanted = set(names) & set(self.event_names) if self.event_names else set(names)
        sent = Delivery.objects.filter(event=OuterRef("pk"), webhook=webhook)
        return Event.objects.filter(
            ~Exists(sent),
            organization__in=_listened_to(webhook),
            name__in=wanted,
            is_test=False,
            ingested_at__gte=self.start,
            ingested_at__lt=self.end,
        )

    def count(self, webhook: Webhook) -> int:
        """How many deliveries a replay makes if nothing changes meanwhile."""
        count = self.deliveries(webhook).order_by().count() if self.states else 0
        if not self.missing:
            return count
        missed = self.missed_events(webhook).order_by()
        if webhook.filter is None:
            return count + missed.count()
        payloads = missed.values_list("payload", flat=True).iterator(PAYLOADS)
        return count + sum(filter_error(webhook, text) is not None for text in payloads)


def newest_by_look_up(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those that no later replay stands for, each looked up in an index.

    As a plain condition it could become a join that reads all replays for each row, when the
    planner does not know yet that there are many: they are just being made.
    """
    replays = Delivery.objects.filter(
        webhook=OuterRef("webhook"), event=OuterRef("event"), is_replay=True, id__gt=OuterRef("id")
    )
    return deliveries.alias(later=Subquery(replays.order_by().values("id")[:1])).filter(later=None)


def filter_errors(webhook: Webhook, events: Collection[Event]) -> dict[UUID, str]:
    """By id, of those that the webhook's filter of now lets pass: why it could not be evaluated,
    empty as a rule. Payloads are read only where there is a filter, and few at a time."""
    if webhook.filter is None:
        return {event.pk: "" for event in events}
    rows = Event.objects.filter(pk__in=[event.pk for event in events]).order_by()
    payloads = rows.values_list("pk", "payload").iterator(PAYLOADS)
    told = {pk: filter_error(webhook, payload) for pk, payload in payloads}
    return {pk: error for pk, error in told.items() if error is not None}


def filter_error(webhook: Webhook, payload: str) -> str | None:
    """None: the webhook's filter of now holds the event back. Else why it could not be evaluated,
    empty as a rule; such an event is delivered."""
    if webhook.filter is None:
        return ""
    verdict = compiled(json.dumps(webhook.filter)).match(json.loads(payload))
    return None if verdict.matches is False else verdict.reason


def _listened_to(webhook: Webhook) -> list[int]:
    """The organisations whose events come to it."""
    own = webhook.organization
    if not webhook.listen_to_child_events:
        return [own.pk]
    return [own.pk, *own.children.values_list("pk", flat=True)]
