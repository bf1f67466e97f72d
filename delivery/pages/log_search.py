"""A webhook's log as people search it: in words, by local days, page after page.

What can be searched for, and what is refused, stands in delivery.filters, for the API and here.
"""

import datetime as dt
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from delivery import log
from delivery.filters import LogFilter, parse_number
from delivery.looks import LOOKS
from delivery.models import FAILED, Delivery
from organizations.forms.days import DayField, midnight
from organizations.keyset import stretch
from organizations.times import EPOCH, MILLISECOND
from webhooks.models import Webhook

PAGE_SIZE = 50
# By type or duration the latest are sorted, not a month of a million: stated on the page.
MOST_SORTED = 5_000
SORTED_BY = {"eventType": "event__name", "webhookDuration": "last_duration_ms"}
BEGINNING = log.BY_INGESTION.before(EPOCH)
LATEST_FIRST, OLDEST_FIRST = "eventIngestionTimestamp:desc", "eventIngestionTimestamp:asc"

MONTH, WEEK, DAY, TODAY, YESTERDAY, CHOSEN = "", "7d", "24h", "today", "yesterday", "choose"
RANGES = {
    MONTH: f"Last {settings.RETENTION_DAYS} days",
    WEEK: "Last 7 days",
    DAY: "Last 24 hours",
    TODAY: "Today",
    YESTERDAY: "Yesterday",
    CHOSEN: "Choose…",
}
BACK = {WEEK: dt.timedelta(days=7), DAY: dt.timedelta(hours=24)}
STATES = {
    "": "Any status",
    ",".join(FAILED): "Not delivered",
    **{state.value: look.word for state, look in LOOKS.items()},
}
# The API's message names its parameters; a reader of the page knows labels.
WORDS = {
    "filters_exclusive": "Customer and event type exclude each other; clear one of them.",
    "range_invalid": "The range ends before it begins.",
}

EXCLUDED = {
    "event_type": "Customer and event type exclude each other. "
    "Clear the event type to search a customer.",
    "customer": "Customer and event type exclude each other. "
    "Clear the customer to choose an event type.",
}
# Names in the page's address → those of delivery.filters.
PARAMETERS = {
    "customer": "eventSearchKey",
    "event_type": "eventType",
    "status": "status",
    "sort": "sortBy",
}


class SearchForm(forms.Form):
    """Shows what was asked for, whether or not it can be answered."""

    customer = forms.CharField(
        label="Customer",
        required=False,
        widget=forms.TextInput(
            {"type": "search", "placeholder": "Mobile, e-mail, external id or card"}
        ),
    )
    event_type = forms.CharField(label="Event type", required=False, widget=forms.Select)
    status = forms.CharField(
        label="Delivery status", required=False, widget=forms.Select(choices=list(STATES.items()))
    )
    period = forms.ChoiceField(label="Date range", required=False, choices=list(RANGES.items()))
    first = DayField("From")
    last = DayField("To")

    def __init__(self, given: QueryDict, webhook: Webhook) -> None:
        super().__init__(given, auto_id="log-%s")
        names = dict.fromkeys(filter(None, [*webhook.event_names, given.get("event_type", "")]))
        widget = self.fields["event_type"].widget
        assert isinstance(widget, forms.Select)  # noqa: S101  see above
        widget.choices = [("", "All event types"), *((name, name) for name in names)]
        status = self.fields["status"].widget
        assert isinstance(status, forms.Select)  # noqa: S101  see above
        if (asked := given.get("status", "")) not in STATES:
            status.choices = [*STATES.items(), (asked, asked)]
        self._exclude(given)

    def _exclude(self, given: QueryDict) -> None:
        """One of the two is greyed out while the other is in use; not when both came, or
        nobody could clear one."""
        self.why = ""
        for used, other in (("customer", "event_type"), ("event_type", "customer")):
            self.fields[used].widget.attrs |= {
                "data-excludes": f"log-{other}",
                "data-why": EXCLUDED[used],
                "aria-describedby": "log-why",
            }
            if given.get(used, "").strip() and not given.get(other, "").strip():
                self.fields[other].widget.attrs["disabled"] = True
                self.why = EXCLUDED[used]

    @property
    def selects(self) -> list[forms.BoundField]:
        return [self["event_type"], self["status"], self["period"]]

    @property
    def days(self) -> list[forms.BoundField]:
        """For the range that is chosen by hand."""
        return [self["first"], self["last"]]

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in self.fields)


def since(days: int, now: dt.datetime) -> dict[str, str]:
    """Parameters that narrow the log to the last `days`, by whole days where there is no name."""
    names = {1: DAY, 7: WEEK, settings.RETENTION_DAYS: MONTH}
    if days in names:
        return {"period": names[days]}
    first = timezone.localdate(now) - dt.timedelta(days=days)
    return {"period": CHOSEN, "first": first.isoformat()}


@dataclass
class Found:
    """One page of the log. `before` and `after` lead on, as parameters of a query; None: the end.

    `is_cut` says that of a log by type or duration only the latest MOST_SORTED were sorted.
    """

    deliveries: list[Delivery] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    before: dict[str, str] | None = None
    after: dict[str, str] | None = None
    is_cut: bool = False


def search(webhook: Webhook, given: QueryDict, form: SearchForm, now: dt.datetime) -> Found:
    """Nothing but the problems if what was asked for is not understood."""
    period, problems = _period(form, now)
    parameters = {name: given.get(own, "").strip() for own, name in PARAMETERS.items()}
    chosen = LogFilter({**parameters, **period}, webhook, now)
    if not chosen.is_valid():
        problems += _in_words(chosen)
    if problems:
        return Found(problems=problems)
    sort = parameters["sortBy"] or LATEST_FIRST
    try:
        if sort in (LATEST_FIRST, OLDEST_FIRST):
            return _by_time(_shown(chosen.qs), given, is_latest_first=sort == LATEST_FIRST)
        return _sorted(chosen.qs, given, sort)
    except ValueError:
        return Found(problems=["This page of the log does not exist."])


def _in_words(chosen: LogFilter) -> list[str]:
    fields = SearchForm.base_fields
    labels = {name: fields[own].label for own, name in PARAMETERS.items() if own in fields}
    return [
        WORDS.get(problem.code or "")
        or " ".join(f"{labels.get(name) or 'Order'}: {text}" for text in problem.messages)
        for name, problems in chosen.errors.as_data().items()
        for problem in problems
    ]


def _period(form: SearchForm, now: dt.datetime) -> tuple[dict[str, str], list[str]]:
    """Parameters for the filter, from days of the page's time zone."""
    form.is_valid()
    problems = [
        f"{form.fields[name].label}: {' '.join(map(str, found))}"
        for name, found in form.errors.items()
        if name in ("period", "first", "last")
    ]
    given = form.cleaned_data
    name, today = given.get("period", ""), timezone.localdate(now)
    first: dt.date | None = None
    last: dt.date | None = None
    if name in BACK:
        return {"startDate": _epoch_ms(now - BACK[name])}, problems
    if name == TODAY:
        first = last = today
    elif name == YESTERDAY:
        first = last = today - dt.timedelta(days=1)
    elif name == CHOSEN:
        first, last = given.get("first"), given.get("last")
    period = {"startDate": _epoch_ms(midnight(first))} if first else {}
    if last:
        period["endDate"] = _epoch_ms(midnight(last + dt.timedelta(days=1)) - MILLISECOND)
    return period, problems


def _epoch_ms(moment: dt.datetime) -> str:
    return str((moment - EPOCH) // MILLISECOND)


def _shown(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return deliveries.only(*log.SHOWN, "event__occurred_at")


def _by_time(deliveries: QuerySet[Delivery], given: QueryDict, *, is_latest_first: bool) -> Found:
    newer, older = (
        log.BY_INGESTION.parse(text) if (text := given.get(name)) else None
        for name in ("newer", "older")
    )
    is_first = not newer and not older
    if is_first and not is_latest_first:
        newer = BEGINNING
    found = stretch([deliveries], PAGE_SIZE, log.BY_INGESTION, newer=newer, older=older)
    to_newer = {"newer": str(found.newer)} if found.newer else None
    to_older = {"older": str(found.older)} if found.older else None
    if is_latest_first:
        return Found(found.rows, before=to_newer, after=to_older)
    return Found(found.rows[::-1], before=None if is_first else to_older, after=to_newer)


def _sorted(deliveries: QuerySet[Delivery], given: QueryDict, sort: str) -> Found:
    """The latest are sorted here: a database that has the whole log to sort takes seconds."""
    number = parse_number(MOST_SORTED // PAGE_SIZE)(given.get("page") or "1")
    name, _, direction = sort.partition(":")
    latest = deliveries.order_by(*log.NEWEST_FIRST).values_list(SORTED_BY[name], "pk")
    keys = list(latest[: MOST_SORTED + 1])
    ids = _in_order(keys[:MOST_SORTED], is_descending=direction == "desc")
    first = (number - 1) * PAGE_SIZE
    rows = _shown(deliveries).in_bulk(ids[first : first + PAGE_SIZE])
    return Found(
        [rows[pk] for pk in ids[first : first + PAGE_SIZE] if pk in rows],
        before={"page": str(number - 1)} if number > 1 else None,
        after={"page": str(number + 1)} if len(ids) > first + PAGE_SIZE else None,
        is_cut=len(keys) > MOST_SORTED,
    )


def _in_order(keys: list[tuple[Any, Any]], *, is_descending: bool) -> list[Any]:
    """The latest first among equals, what has no value at the end."""
    with_value = [key for key in keys if key[0] is not None]
    with_value.sort(key=itemgetter(0), reverse=is_descending)
    return [pk for _, pk in with_value] + [pk for value, pk in keys if value is None]
