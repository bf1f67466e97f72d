"""The page Event Notifications: the organisation's webhooks and how each is doing."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.views.generic import ListView
from django_htmx.http import push_url

from delivery.figures import Day, last_day
from delivery.pages.webhook_actions import undoable
from delivery.pages.webhook_search import STATUSES, WebhookSearch
from delivery.spark import Spark, spark
from delivery.webhook_status import HEALTHS, Status, status_of
from events.event_types import known_event_types
from organizations.models import Organization
from organizations.pages.page import Page
from webhooks.models import Subscription, Webhook

ROWS = 50
MOST_NAMED = 12
RESULTS = "results"  # the element that live filtering renews
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


class WebhookList(Page, ListView[Webhook]):
    """Works by links and a form; with scripts, only the part that changes comes anew."""

    request: Any
    section = "notifications"
    template_name = "webhooks/webhook_list.html"
    paginate_by = ROWS

    @cached_property
    def search(self) -> WebhookSearch:
        return WebhookSearch.of(self.request.GET)

    @cached_property
    def counts(self) -> dict[str, int]:
        return self.search.counts(self._all())

    def _all(self) -> QuerySet[Webhook]:
        return Webhook.objects.for_organization(self.organization)

    def get_queryset(self) -> QuerySet[Webhook]:
        return self.search.found(self._all()).select_related("health")

    def get_template_names(self) -> list[str]:
        return ["includes/webhook_results.html"] if self._is_renewal else [self.template_name]

    @property
    def _is_renewal(self) -> bool:
        return bool(self.request.htmx and self.request.htmx.target == RESULTS)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        patch_vary_headers(response, ("HX-Request", "HX-Target"))
        if self._is_renewal:
            push_url(response, self._path)
        return response

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple[Any, Any, Any, bool]:
        """A page that is no more, after a deletion or in an old link, is the last one."""
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get("page"))
        return paginator, page, page.object_list, page.has_other_pages()

    @property
    def _path(self) -> str:
        page = self.request.GET.get("page", "")
        return reverse("webhook-list") + self.search.query(page=page).rstrip("?")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        search = self.search
        return {
            **context,
            "search": search,
            "rows": _rows(list(context["page_obj"].object_list), self.organization),
            "statuses": [
                (name, label, search.query(status=name), self.counts[name])
                for name, label in {"": "All", **STATUSES}.items()
            ],
            "healths": HEALTHS,
            "sorts": {column: search.sorted_by(column) for column in ("name", "failed", "updated")},
            "direction": "descending" if search.is_downwards else "ascending",
            "query": f"{search.query()[1:]}&" if search.query() != "?" else "",
            "is_renewal": self._is_renewal,
            "is_empty": not search.is_narrowed and not self.counts[""],
            "event_types": len(known_event_types(self.organization)),
            "back": self._path,
            "undoable": [] if self._is_renewal else undoable(self.request, self.organization),
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
