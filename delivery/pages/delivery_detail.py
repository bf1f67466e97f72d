"""One delivery: why it is where it is, and every attempt with what was sent and what came back."""

import datetime as dt
from functools import cached_property
from typing import Any, NamedTuple

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from delivery import reasons
from delivery.engine.sending import MISSED_HEADER
from delivery.enrichment.preview import as_sent
from delivery.enrichment.settings import Settings
from delivery.filters import MAX_PAGE, parse_number
from delivery.looks import Look
from delivery.models import OPEN, WAITING, Attempt, Delivery, State
from delivery.pages import timeline
from delivery.pages.timeline import LISTED, PAGE_ATTEMPTS, Exchange
from organizations.digits import number_of
from organizations.pages.page import TemplatePage
from organizations.templatetags.display import duration
from organizations.times import MILLISECOND

# A larger payload is read when it is asked for.
INLINE_CHARS = 32_768
MAX_ATTEMPT_ID = 2**63 - 1


class Payload(NamedTuple):
    """The request's body. `is_shown`: not only offered; `is_open`: somebody asked for it.

    `is_enriched`: as it would be sent now, which may differ from what was sent.
    """

    text: str
    size_bytes: int
    is_shown: bool
    is_open: bool
    is_enriched: bool = False


class DeliveryDetail(TemplatePage):
    """What one attempt exchanged, and a large payload, are also asked for alone."""

    section = "notifications"
    template_name = "delivery/delivery_detail.html"
    parts = {"exchange": "includes/exchange.html", "payload": "includes/payload.html"}

    @cached_property
    def delivery(self) -> Delivery:
        own = Delivery.objects.for_organization(self.organization)
        related = own.select_related("event__organization", "webhook__health")
        return get_object_or_404(related, pk=self.kwargs["delivery_id"])

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        delivery = self.delivery
        context |= {
            "delivery": delivery,
            "path": reverse("delivery-detail", args=[delivery.pk]),
        }
        if self.part == "payload":
            payload = self._payload(self._opened(None))
            return context | {"id": self.request.GET.get("attempt", ""), "payload": payload}
        if self.part == "exchange":
            opened = self._opened(None)
            if opened is None:
                raise Http404
            exchange, payload = Exchange.of(opened, delivery.webhook), self._payload(opened)
            shown = {"exchange": exchange, "payload": payload}
            return context | {"number": opened.number, "id": opened.pk} | shown
        return context | self._facts() | self._timeline()

    def _payload(self, attempt: Attempt | None) -> Payload:
        """Of that attempt; one that says so was sent as the event came in."""
        text, is_asked = self.delivery.event.payload, "payload" in self.request.GET
        is_shown = is_asked or len(text) <= INLINE_CHARS
        settings = Settings.of(self.delivery.webhook)
        is_enriched = bool(settings) and is_shown and attempt is not None
        if attempt is not None and f'"{MISSED_HEADER}"' in attempt.request_headers:
            is_enriched = False
        if is_enriched:
            text = as_sent(self.delivery.event.organization, text, settings).enriched_text
        return Payload(text, len(text.encode()), is_shown, is_asked, is_enriched)

    def _facts(self) -> dict[str, Any]:
        delivery = self.delivery
        return {
            "reason": reasons.why_not_delivered(delivery),
            "promise": _promise(delivery, timezone.now()),
            "is_open": delivery.state in OPEN,
            "is_delivered": delivery.state == State.DELIVERED,
            "customer": delivery.event.customer,
            "may_cancel": self.caller.access.may_write and delivery.state in WAITING,
            **self._replay(),
        }

    def _replay(self) -> dict[str, Any]:
        """Whether it can be made again; when that was done, the delivery that stands for it; and
        the one that stood for it before."""
        delivery = self.delivery
        same = Delivery.objects.filter(webhook=delivery.webhook, event=delivery.event_id)
        newest = same.filter(is_replay=True, id__gt=delivery.pk).order_by("-id").first()
        older = same.filter(id__lt=delivery.pk) if delivery.is_made_again else same.none()
        can = delivery.can_be_made_again and not delivery.event.is_test
        may_write = self.caller.access.may_write
        return {
            "may_test": delivery.event.is_test
            and may_write
            and delivery.webhook.deleted_at is None,
            "newest": newest,
            "earlier_delivery": older.order_by("-id").first(),
            "may_replay": can and newest is None and may_write,
        }

    def _timeline(self) -> dict[str, Any]:
        delivery, webhook, number = self.delivery, self.delivery.webhook, self._page_number()
        rows, previous, has_more = self._page_of_attempts(number)
        if not rows and number > 1:
            raise Http404
        newest = rows[0] if rows and number == 1 else None
        opened = self._opened(newest)
        latest = opened if opened == newest else newest
        logged = delivery.attempts - (delivery.state == State.IN_FLIGHT)
        above = previous.number - 1 if previous else logged
        entries = [
            *(
                timeline.ahead(delivery, latest, timezone.now(), self._in_flight())
                if number == 1
                else ()
            ),
            *timeline.attempts(rows, above, is_last=not has_more, opened=opened, webhook=webhook),
            *(timeline.beginnings(delivery) if not has_more else ()),
        ]
        return {
            "entries": entries,
            "payload": self._payload(opened),
            "page": number,
            "later": number - 1,
            "earlier": number + 1 if has_more else 0,
            "first_to_last_ms": self._first_to_last_ms(newest),
        }

    def _page_number(self) -> int:
        try:
            return parse_number(MAX_PAGE)(self.request.GET.get("page") or "1")
        except ValueError:
            raise Http404 from None

    def _page_of_attempts(self, number: int) -> tuple[list[Attempt], Attempt | None, bool]:
        """With the one before the page, which tells what number its first should have."""
        first = (number - 1) * PAGE_ATTEMPTS
        ordered = self.delivery.attempt_log.order_by("-number", "-id").only(*LISTED)
        rows = list(ordered[max(first - 1, 0) : first + PAGE_ATTEMPTS + 1])
        previous = rows.pop(0) if first and rows else None
        return rows[:PAGE_ATTEMPTS], previous, len(rows) > PAGE_ATTEMPTS

    def _opened(self, newest: Attempt | None) -> Attempt | None:
        """The attempt that is asked for, else the newest, with all it has."""
        wanted = number_of(self.request.GET.get("attempt", ""), MAX_ATTEMPT_ID)
        if wanted is None and newest:
            wanted = newest.pk
        return self.delivery.attempt_log.filter(pk=wanted).first() if wanted else None

    def _in_flight(self) -> int:
        """How many requests the webhook has on their way; asked only where it tells something."""
        if self.delivery.state not in WAITING:
            return 0
        webhook = self.delivery.webhook
        rows = Delivery.objects.filter(webhook=webhook, state=State.IN_FLIGHT).order_by()
        return rows[: webhook.max_connections].count()

    def _first_to_last_ms(self, newest: Attempt | None) -> float | None:
        first = self.delivery.first_attempt_at
        if first is None or newest is None or newest.number < 2:
            return None
        return (newest.started_at - first) / MILLISECOND


def _promise(delivery: Delivery, now: dt.datetime) -> Look | None:
    """What became of the delivery SLA; None where there was none."""
    if delivery.sla_due_at is None and delivery.sla_breached_at is None:
        return None
    due = delivery.sla_due_at or delivery.sla_breached_at or now
    within = duration((due - delivery.created_at) / MILLISECOND).replace(".0 s", " s")
    if delivery.sla_breached_at is not None:
        return Look("failing", "alert", f"Breached after {within}")
    if delivery.state == State.DELIVERED:
        return Look("ok", "check", f"Kept: {within}")
    if delivery.state == State.CANCELLED:
        return Look("off", "off", "Cancelled before")
    return Look("waiting", "clock", f"To be kept: {within}")
