"""One webhook: what it is, how its deliveries went, and its log."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from delivery import charts, figures
from delivery.intervals import DAYS
from delivery.models import FAILED, Health
from delivery.pages import log_search, replays
from delivery.pages.log_search import LATEST_FIRST, OLDEST_FIRST, SearchForm
from delivery.webhook_status import status_of
from organizations.pages.page import TemplatePage
from organizations.sources import source_label
from webhooks import rotation
from webhooks.filter_text import filter_text
from webhooks.models import MAX_TIMEOUT_S, Method, Webhook, WebhookType
from webhooks.pages.webhook_page import WebhookPage

DEFAULT_DAYS = 7
NAMES_SHOWN = 3
PAGING = ("newer", "older", "page")
# On the buttons that lead on, by order; by type or duration neither is newer.
WORDS = {
    "": ("Newer", "Older"),
    LATEST_FIRST: ("Newer", "Older"),
    OLDEST_FIRST: ("Older", "Newer"),
}


@dataclass(frozen=True)
class Heading:
    """A column of the log; `query` orders by it, None: it can not."""

    label: str
    is_number: bool = False
    is_spare: bool = False
    query: str | None = None
    direction: str = ""


COLUMNS = (
    ("Event occurred at", LATEST_FIRST, OLDEST_FIRST),
    ("Event type", "eventType:asc", "eventType:desc"),
    ("Delivery status", "", ""),
    ("Attempts", "", ""),
    ("Response", "", ""),
    ("Duration", "webhookDuration:desc", "webhookDuration:asc"),
    ("API request ID", "", ""),
)
NUMBERS = {"Attempts", "Response", "Duration"}
SPARE = {"Attempts", "API request ID"}


class WebhookDetail(WebhookPage, TemplatePage):
    """A deleted webhook keeps its page: what it was sent stays readable as long as it is kept."""

    template_name = "webhooks/webhook_detail.html"
    parts = {"metrics": "includes/delivery_metrics.html", "log": "includes/delivery_log.html"}

    @cached_property
    def webhook(self) -> Webhook:
        webhooks = Webhook.objects.select_related("health", "organization")
        return self.own(webhooks.prefetch_related("subscriptions"))

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        now = timezone.now()
        context["webhook"] = self.webhook
        if self.part != "log":
            context |= self._metrics(now)
        if self.part != "metrics":
            context |= self._log(now)
        return context if self.part else context | self._basics()

    def _basics(self) -> dict[str, Any]:
        webhook = self.webhook
        health: Health | None = getattr(webhook, "health", None)
        day = figures.last_day([webhook])[webhook.pk]
        return {
            "status": status_of(webhook, health, day),
            "day": day,
            "rests_until": health.open_until if health and _is_ahead(health.open_until) else None,
            "names": webhook.event_names[:NAMES_SHOWN],
            "more_names": webhook.event_names[NAMES_SHOWN:],
            "replays": replays.latest(webhook),
            "header_count": webhook.headers.count(),
            "is_signed": bool(rotation.signing(webhook)),
            "enrichment": _enrichment(webhook),
            "is_queue": webhook.webhook_type == WebhookType.QUEUE,
            "filter_text": filter_text(webhook.filter),
            "has_own_timeout": webhook.timeout_s != MAX_TIMEOUT_S,
            "request_words": _request_words(webhook),
            "may_change": self.caller.access.may_write and webhook.deleted_at is None,
        }

    def _metrics(self, now: dt.datetime) -> dict[str, Any]:
        asked = self.request.GET.get("days", "")
        days = int(asked) if asked in map(str, DAYS) else DEFAULT_DAYS
        zone = timezone.get_current_timezone()
        period = figures.of_period(self.webhook, days, now, zone)
        return {
            "days": days,
            "unknown_days": asked if asked and asked != str(days) else "",
            "segments": [
                (number, "1 day" if number == 1 else f"{number} days", self._query(days=number))
                for number in DAYS
            ],
            "period": period,
            "in_words": charts.in_words(days),
            "deliveries_chart": charts.deliveries(period, days, zone),
            "time_chart": charts.delivery_time(period, days, zone),
            "status_chart": charts.statuses(period, days),
            "failed_query": self._query(status=",".join(FAILED), **log_search.since(days, now)),
        }

    def _log(self, now: dt.datetime) -> dict[str, Any]:
        given = self.request.GET
        sort = given.get("sort", "")
        form = SearchForm(given, self.webhook)
        found = log_search.search(self.webhook, given, form, now)
        return {
            "form": form,
            "found": found,
            "headings": list(self._headings()),
            "before": found.before and self._query(**found.before),
            "after": found.after and self._query(**found.after),
            "sort": sort,
            "is_by_time": sort in ("", LATEST_FIRST, OLDEST_FIRST),
            "is_oldest_first": sort == OLDEST_FIRST,
            "words": WORDS.get(sort, ("Previous", "Next")),
            "retention_days": settings.RETENTION_DAYS,
            "cleared": self._query(**dict.fromkeys(form.fields, "")),
            "most_sorted": log_search.MOST_SORTED,
            "back": self.request.get_full_path(),
            "path": reverse("webhook-detail", args=[self.webhook.public_id]),
        }

    def _headings(self) -> Any:
        sort = self.request.GET.get("sort", "") or LATEST_FIRST
        for label, first, second in COLUMNS:
            direction = ""
            if sort in (first, second) and first:
                direction = "descending" if sort.endswith("desc") else "ascending"
            yield Heading(
                label,
                label in NUMBERS,
                label in SPARE,
                self._query(sort=second if sort == first else first) if first else None,
                direction,
            )

    def _query(self, **changes: object) -> str:
        """The page's parameters with these instead; pages of the log begin anew."""
        query = self.request.GET.copy()
        for name in PAGING:
            query.pop(name, None)
        for name, value in changes.items():
            if value:
                query[name] = str(value)
            else:
                query.pop(name, None)
        return query.urlencode()


def _is_ahead(moment: dt.datetime | None) -> bool:
    return moment is not None and moment > timezone.now()


def _enrichment(webhook: Webhook) -> list[str]:
    chosen = (
        ("Till", webhook.enrich_till),
        ("Store", webhook.enrich_store),
        *((source_label(source), True) for source in webhook.enrich_customer_sources),
        ("Card Number", webhook.enrich_card_number),
        ("Awarded Reference ID", webhook.enrich_awarded_reference),
        ("Available Points Balance", webhook.enrich_points_balance),
    )
    return [label for label, is_chosen in chosen if is_chosen]


def _request_words(webhook: Webhook) -> list[str]:
    """What is not as usual."""
    is_queue = webhook.webhook_type == WebhookType.QUEUE
    settings_of_request = (
        ("PUT", webhook.method == Method.PUT and not is_queue),
        ("sent again after 429", webhook.replay_on_429),
    )
    return [words for words, is_so in settings_of_request if is_so]
