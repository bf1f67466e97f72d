"""One event: what it says, how it differs from its schema, and where it went."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from delivery.log import newest
from delivery.looks import LOOKS, Look
from delivery.models import Attempt, Delivery, State
from delivery.pages.event_payload import EnrichedPayload, enriched_payload, enriching_webhooks
from delivery.pages.feed_rows import FeedRow, feed_rows
from delivery.reasons import result
from events.models import Event
from events.payload_lines import PayloadLines, payload_lines
from organizations.models import Organization
from organizations.pages.page import Page
from webhooks.models import Webhook

MAX_DELIVERIES = 200  # of one event that are listed
ENRICHED_FOR = "enriched"  # in a query: the id of a webhook


def visible_events(organization: Organization) -> QuerySet[Event]:
    """Its own, and those of its children that one of its webhooks got."""
    got = Delivery.objects.for_organization(organization).filter(event=OuterRef("pk"))
    return Event.objects.filter(Q(organization=organization) | Exists(got))


def deliveries_of(event: Event, organization: Organization) -> QuerySet[Delivery]:
    """The newest to each of its webhooks, deleted ones too; what is not delivered comes first."""
    own = Delivery.objects.for_organization(organization).filter(event=event)
    attempts = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-number")
    return (
        newest(own)
        .select_related("webhook")
        .annotate(last_attempt_at=Subquery(attempts.values("started_at")[:1]))
        .order_by(Case(When(state=State.DELIVERED, then=1), default=0), "webhook__name", "id")
    )


class Sent(NamedTuple):
    """`response` is the last attempt's status, or why there was none; None before its end."""

    delivery: Delivery
    response: str | int | None

    @classmethod
    def of(cls, delivery: Delivery) -> "Sent":
        status, error = delivery.last_status, delivery.last_error
        has_ended = error or delivery.last_duration_ms is not None
        if status is not None or not has_ended:
            return cls(delivery, status)
        return cls(delivery, result(status, error, delivery.last_duration_ms))


class Difference(NamedTuple):
    """`line` is None where the place is beyond the lines that are shown."""

    path: str
    message: str
    line: int | None


@dataclass(frozen=True)
class EventDetails:
    """`row` is the event as in the feed; `sent` are the first of its deliveries.

    `enriched_for` is the id of the webhook whose payload is asked for, "" for the original.
    """

    row: FeedRow
    organization: Organization
    sent: list[Sent]
    enriched_for: str = ""

    @property
    def event(self) -> Event:
        return self.row.event

    @property
    def unlisted(self) -> int:
        return self.row.webhooks - len(self.sent)

    @property
    def has_several_to_replay(self) -> bool:
        return sum(sent.delivery.can_be_made_again for sent in self.sent) > 1

    @property
    def look(self) -> Look | None:
        """Of the worst state; None without a delivery."""
        return LOOKS[self.row.worst] if self.row.worst else None

    @property
    def told(self) -> str:
        return f"{self.row.delivered} of {self.row.webhooks} delivered"

    @property
    def is_of_a_child(self) -> bool:
        return self.event.organization_id != self.organization.pk

    @functools.cached_property
    def enriching(self) -> list[Webhook]:
        return enriching_webhooks(sent.delivery for sent in self.sent)

    @functools.cached_property
    def enriched(self) -> EnrichedPayload | None:
        """None while the original is shown."""
        return enriched_payload(self.event, self.enriching, self.enriched_for)

    @functools.cached_property
    def payload(self) -> PayloadLines:
        return payload_lines(self.event.payload, with_paths=bool(self.event.failures))

    @functools.cached_property
    def differences(self) -> list[Difference]:
        return [
            Difference(found["path"], found["message"], self.payload.line_for(found["path"]))
            for found in self.event.failures or ()
        ]

    @property
    def wrong_lines(self) -> set[int]:
        return {difference.line for difference in self.differences if difference.line}

    @property
    def size_bytes(self) -> int:
        return self.enriched.size_bytes if self.enriched else len(self.event.payload.encode())


class EventPage(Page):
    section = "notifications"

    def event(self) -> Event:
        events = visible_events(self.organization).select_related("organization")
        return get_object_or_404(events, pk=self.kwargs["event_row_id"])


class EventDetail(EventPage):
    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        event = self.event()
        (row,) = feed_rows(self.organization, [event])
        sent = map(Sent.of, deliveries_of(event, self.organization)[:MAX_DELIVERIES])
        enriched_for = request.GET.get(ENRICHED_FOR, "")
        details = EventDetails(row, self.organization, list(sent), enriched_for)
        may_replay = self.caller.access.may_write and not event.is_test
        context = {
            "event": event,
            "details": details,
            "may_replay": may_replay,
            "may_replay_all": may_replay and details.has_several_to_replay,
        }
        return render(request, "events/event_detail.html", context)


class EventPayload(EventPage):
    """The payload as a file: what receivers get, to the byte; of one that enriches if asked."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        event = self.event()
        text = event.payload
        if public_id := request.GET.get(ENRICHED_FOR):
            webhooks = enriching_webhooks(deliveries_of(event, self.organization)[:MAX_DELIVERIES])
            enriched = enriched_payload(event, webhooks, public_id)
            if enriched is None:
                raise Http404
            text = enriched.preview.enriched_text
        return HttpResponse(
            text,
            content_type="application/json; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="event-{event.pk}.json"',
                "X-Content-Type-Options": "nosniff",
            },
        )
