"""What the log and the metrics of a consumer group can be narrowed by."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from django_filters.utils import translate_validation

from delivery import log
from delivery.models import Delivery, State
from events.event_types import known_event_types
from events.family_types import children_types
from organizations.times import from_epoch_ms
from webhooks.models import Webhook

MAX_PAGE = 1_000_000
MAX_PAGE_SIZE = 200
DEFAULT_PAGE_SIZE = 50
MILLISECOND = timedelta(milliseconds=1)

Order = tuple[str | OrderBy, ...]

ORDERS: dict[str, Order] = {
    "eventIngestionTimestamp:asc": log.BY_INGESTION.oldest_first,
    "eventIngestionTimestamp:desc": log.NEWEST_FIRST,
    "eventType:asc": ("event__name", *log.NEWEST_FIRST),
    "eventType:desc": ("-event__name", *log.NEWEST_FIRST),
    "webhookDuration:asc": (
        F("last_duration_ms").asc(nulls_last=True),
        *log.NEWEST_FIRST,
    ),
    "webhookDuration:desc": (
        F("last_duration_ms").desc(nulls_last=True),
        *log.NEWEST_FIRST,
    ),
}


class Period(NamedTuple):
    """Both ends belong to it, the last with its whole millisecond."""

    start: datetime
    end: datetime


class Page(NamedTuple):
    deliveries: list[Delivery]
    number: int
    size: int
    has_next: bool


def parse_states(text: str) -> list[str]:
    """Raises ValueError when one of the comma-separated words is no state."""
    return [State(word.strip()).value for word in text.split(",")]


def parse_order(text: str) -> Order:
    if text not in ORDERS:
        raise ValueError(text)
    return ORDERS[text]


def parse_number(most: int) -> Callable[[str], int]:
    """A parser of 1 to `most`; it raises ValueError for everything else."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"0*[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return parse


class ParameterField(forms.CharField):
    """A text that `parse` understands; None when it is not given. `parse` raises ValueError."""

    def __init__(
        self,
        *,
        parse: Callable[[str], Any] = str,
        code: str = "invalid",
        message: str = "",
        **options: Any,
    ) -> None:
        super().__init__(**options | {"strip": False, "empty_value": ""})
        self.parse = parse
        self.code = code
        self.message = message

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return self.parse(text)
        except ValueError:
            raise ValidationError(self.message, self.code) from None


class Parameter(django_filters.Filter):  # type: ignore[misc]  # untyped
    field_class = ParameterField


class Moment(Parameter):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            parse=from_epoch_ms,
            code="time_invalid",
            message="Use a time in epoch milliseconds.",
            **options,
        )


class PeriodForm(forms.Form):
    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        start, end = given.get("startDate"), given.get("endDate")
        if start and end and end < start:
            self.add_error("endDate", ValidationError("It is before startDate.", "range_invalid"))
        return given


class LogForm(PeriodForm):
    webhook: Webhook

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("eventType") and given.get("eventSearchKey"):
            problem = "It can not be used together with eventType."
            self.add_error("eventSearchKey", ValidationError(problem, "filters_exclusive"))
        return given

    def clean_eventType(self) -> str | None:
        """Names that the webhook subscribes to are good, also when the type is gone."""
        name: str | None = self.cleaned_data["eventType"]
        if (
            name is None
            or name in known_event_types(self.webhook.organization)
            or self.webhook.subscriptions.filter(event_name=name).exists()
            or name in children_types(self.webhook.organization)
        ):
            return name
        raise ValidationError("There is no such event type.", "event_unknown")


class PeriodFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped
    """The entries of a webhook's log within the retention, or within a part of it."""

    startDate = Moment(method="unchanged")
    endDate = Moment(method="unchanged")

    class Meta:
        form = PeriodForm

    def __init__(self, parameters: Any, webhook: Webhook, now: datetime) -> None:
        self.webhook = webhook
        self.now = now
        self.oldest = now - timedelta(days=settings.RETENTION_DAYS)
        super().__init__(parameters, log.of_webhook(webhook))

    def check(self) -> None:
        """Raises DRF's ValidationError with all that is wrong with the parameters."""
        if not self.is_valid():
            raise translate_validation(self.errors)

    @property
    def period(self) -> Period:
        """What was asked for, cut to the retention and to now."""
        given = self.form.cleaned_data
        start, end = given["startDate"] or self.oldest, given["endDate"] or self.now
        return Period(*(min(max(moment, self.oldest), self.now) for moment in (start, end)))

    @property
    def limit(self) -> datetime | None:
        """The moment before which events must have come in; None when no end was asked for: then
        also what comes in by the database's clock after `now`."""
        return self.period.end + MILLISECOND if self.form.cleaned_data["endDate"] else None

    def filter_queryset(self, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        within = queryset.filter(ingested_at__gte=self.period.start)
        if self.limit is not None:
            within = within.filter(ingested_at__lt=self.limit)
        filtered: QuerySet[Delivery] = super().filter_queryset(within)
        return filtered

    def unchanged(
        self, deliveries: QuerySet[Delivery], _name: str, _value: Any
    ) -> QuerySet[Delivery]:
        """The parameter is read elsewhere."""
        return deliveries


class LogFilter(PeriodFilter):
    eventType = Parameter(field_name="event__name")
    eventSearchKey = Parameter(method="of_customer")
    requestId = Parameter(method="of_request")
    status = Parameter(
        field_name="state",
        lookup_expr="in",
        parse=parse_states,
        code="state_unknown",
        message=f"Use one or several of {', '.join(State)}, separated by commas.",
    )
    sortBy = Parameter(
        method="in_order",
        parse=parse_order,
        code="order_unknown",
        message=f"Use one of {', '.join(ORDERS)}.",
    )
    page = Parameter(
        method="unchanged",
        parse=parse_number(MAX_PAGE),
        code="page_invalid",
        message=f"Use a number from 1 to {MAX_PAGE}.",
    )
    pageSize = Parameter(
        method="unchanged",
        parse=parse_number(MAX_PAGE_SIZE),
        code="page_size_invalid",
        message=f"Use a number from 1 to {MAX_PAGE_SIZE}.",
    )

    class Meta:
        form = LogForm

    @property
    def form(self) -> forms.Form:
        form: forms.Form = super().form
        form.webhook = self.webhook  # type: ignore[attr-defined]  # of LogForm
        return form

    def of_customer(
        self, deliveries: QuerySet[Delivery], _name: str, identifier: str
    ) -> QuerySet[Delivery]:
        return deliveries.filter(log.events_of_customer(self.webhook.organization, identifier))

    def of_request(
        self, deliveries: QuerySet[Delivery], _name: str, request_id: str
    ) -> QuerySet[Delivery]:
        return deliveries.filter(log.events_of_request(self.webhook.organization, request_id))

    def in_order(
        self, deliveries: QuerySet[Delivery], _name: str, order: Order
    ) -> QuerySet[Delivery]:
        return deliveries.order_by(*order)

    def read_page(self) -> Page:
        """The page asked for, and from one row more whether there is another."""
        given = self.form.cleaned_data
        number, size = given["page"] or 1, given["pageSize"] or DEFAULT_PAGE_SIZE
        first = (number - 1) * size
        rows = list(self.qs[first : first + size + 1])
        return Page(rows[:size], number, size, has_next=len(rows) > size)
