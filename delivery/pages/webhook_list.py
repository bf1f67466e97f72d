"""The page Event Notifications: the organisation's webhooks and how each is doing."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.urls import reverse

from delivery.figures import Day, last_day
from delivery.pages.webhook_actions import undoable
from delivery.pages.webhook_search import COLUMNS, STATUSES, WebhookSearch, counts
from delivery.spark import Spark, spark
from delivery.webhook_status import HEALTHS, Status, status_of
from events.event_types import known_event_types
from organizations.models import Organization
from organizations.pages.page import TemplatePage
from webhooks.models import Subscription, Webhook

ROWS = 50
MOST_NAMED = 12
THE_SERVICE = "the service"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """To how many events, and the first of their names."""

    count: int
    names: Sequence[str]
    is_all: bool

    @property
    def unnamed(self) -> int:
        return self.count - len(self.names)

    @property
    def title(self) -> str:
        return ", ".join(self.names) + (f" and {self.unnamed:,} more" if self.unnamed else "")


@dataclass(frozen=True, slots=True)
class Row:
    webhook: Webhook
    status: Status
    day: Day
    spark: Spark | None
    events: Subscribed
    changed_at: dt.datetime

    @property
    def had_events(self) -> bool:
        return self.spark is not None

    @property
    def shown_url(self) -> str:
        return self.webhook.url.removeprefix("https://")

    @property
    def changed_by(self) -> str:
        if self.webhook.deactivation_reason and self.changed_at > self.webhook.updated_at:
            return THE_SERVICE
        return str(self.webhook.updated_by.get("name") or "")


class WebhookList(TemplatePage):
    section = "notifications"
    template_name = "webhooks/webhook_list.html"
    parts = {"results": "includes/webhook_results.html"}

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        is_renewal = bool(self.part)
        search = WebhookSearch.of(self.request.GET)
        webhooks = search.narrowed(Webhook.objects.for_organization(self.organization))
        counted = counts(webhooks)
        paginator = Paginator(search.found(webhooks).select_related("health"), ROWS)
        paginator.count = counted[search.status]
        # A page that is no more, after a deletion or in an old link, is the last one.
        page = paginator.get_page(self.request.GET.get("page"))
        number = page.number if page.number > 1 else ""
        return {
            **context,
            **_controls(search, counted),
            "rows": _rows(list(page), self.organization),
            "page_obj": page,
            "back": reverse("webhook-list") + search.query(page=number).rstrip("?"),
            "event_types": len(known_event_types(self.organization)),
            "is_renewal": is_renewal,
            "undoable": [] if is_renewal else undoable(self.request, self.organization),
        }

    def address(self, context: dict[str, Any]) -> str:
        return str(context["back"])


def _controls(search: WebhookSearch, counted: dict[str, int]) -> dict[str, Any]:
    """What the reader can choose, and what is chosen."""
    return {
        "search": search,
        "statuses": [
            (name, label, search.query(status=name), counted[name])
            for name, label in {"": "All", **STATUSES}.items()
        ],
        "healths": HEALTHS,
        "sorts": {column: search.sorted_by(column) for column in COLUMNS},
        "direction": "descending" if search.is_downwards else "ascending",
        "query": f"{search.query()[1:]}&".lstrip("&"),
        "is_empty": not search.is_narrowed and not counted[""],
    }


def _rows(webhooks: list[Webhook], organization: Organization) -> list[Row]:
    days = last_day(webhooks)
    events = _subscribed(webhooks, len(known_event_types(organization)))
    return [
        Row(
            webhook=webhook,
            status=status_of(webhook, getattr(webhook, "health", None), days[webhook.pk]),
            day=days[webhook.pk],
            spark=spark(days[webhook.pk].hours),
            events=events[webhook.pk],
            changed_at=webhook.changed_at,  # type: ignore[attr-defined]  # annotated
        )
        for webhook in webhooks
    ]


def _subscribed(webhooks: list[Webhook], known: int) -> dict[int, Subscribed]:
    rows = Subscription.objects.filter(webhook__in=webhooks).order_by()
    counts = dict(rows.values_list("webhook").annotate(count=Count("pk")))
    names: dict[int, list[str]] = {}
    first = rows.filter(position__lt=MOST_NAMED).order_by("webhook", "position")
    for webhook_id, name in first.values_list("webhook", "event_name"):
        names.setdefault(webhook_id, []).append(name)
    return {
        webhook.pk: Subscribed(
            count := counts.get(webhook.pk, 0), names.get(webhook.pk, []), count == known
        )
        for webhook in webhooks
    }
