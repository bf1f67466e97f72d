"""What the event feed can be narrowed by, and which page of it is asked for."""

import datetime as dt
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from delivery import log
from delivery.feed import events_of_child, events_with_state, order_of
from delivery.looks import LOOKS
from delivery.models import State
from events.event_types import known_event_types
from events.family_types import visible_types
from events.models import Event
from organizations.forms.days import midnight, validate_year
from organizations.keyset import Cursor, Order
from organizations.models import Organization
from organizations.queries import query_of

MAX_SEARCH = 256  # characters; no id is longer
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
EARLIEST, LATEST = 2000, 2999  # years far from the calendar's ends
CUSTOM = "custom"
PERIODS = {"1h": HOUR, "24h": DAY, "7d": 7 * DAY}
RANGES = [
    ("", f"Last {settings.RETENTION_DAYS} days"),
    ("1h", "Last hour"),
    ("today", "Today"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    (CUSTOM, "From … to …"),
]
NO_CHILD = "There is no such organization under this one."
NO_TYPE = "There is no event type “%(value)s”."
FILTERS = ("child", "q", "type", "state", "range", "start", "end", "mismatch")


class CursorField(forms.CharField):
    """None when it is not given."""

    def __init__(self) -> None:
        super().__init__(required=False, widget=forms.HiddenInput)

    def clean(self, value: Any) -> Cursor | None:
        text = super().clean(value)
        try:
            return log.BY_INGESTION.parse(text) if text else None
        except ValueError:
            message = "This page of the feed does not exist. Start again from the latest events."
            raise ValidationError(message, "cursor_invalid") from None


class MomentField(forms.DateTimeField):
    """A moment of the reader's zone, to the minute; None when it is not given."""

    default_validators = [validate_year]

    def __init__(self, label: str) -> None:
        widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        message = f"“{label}” is not a date and a time, such as 2026-11-21T10:40."
        super().__init__(
            required=False, widget=widget, label=label, error_messages={"invalid": message}
        )

    def clean(self, value: Any) -> dt.datetime | None:
        moment: dt.datetime | None = super().clean(value)
        if moment and not EARLIEST <= moment.year <= LATEST:
            raise ValidationError(self.error_messages["invalid"], "invalid")
        return moment


def _choice(label: str, choices: list[tuple[str, str]], message: str) -> forms.ChoiceField:
    errors = {"invalid_choice": message}
    return forms.ChoiceField(required=False, label=label, choices=choices, error_messages=errors)


class FeedForm(forms.Form):
    """Bound to the parameters of the address. `older` and `newer` name the row beside the page."""

    q = forms.CharField(
        required=False,
        label="Search",
        max_length=MAX_SEARCH,
        widget=forms.TextInput(
            {
                "type": "search",
                "placeholder": "Customer, event ID, request ID or reference ID",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        error_messages={"max_length": f"Search for at most {MAX_SEARCH} characters."},
    )
    child = _choice("Organization", [], NO_CHILD)
    type = _choice("Event type", [], NO_TYPE)
    state = _choice(
        "State",
        [("", "Any state"), *((state.value, look.word) for state, look in LOOKS.items())],
        "There is no state “%(value)s”.",
    )
    range = _choice("Date range", RANGES, "There is no date range “%(value)s”.")
    start = MomentField("From")
    end = MomentField("To")
    mismatch = forms.BooleanField(
        required=False, label="Schema mismatch", widget=forms.CheckboxInput({"role": "switch"})
    )
    older = CursorField()
    newer = CursorField()

    def __init__(self, parameters: Any, organization: Organization) -> None:
        super().__init__(parameters, auto_id="feed-%s", use_required_attribute=False)
        self.organization = organization
        self.children = _children(organization)
        own = ("", f"{organization} itself")
        choices = [own, *((pk, child.name) for pk, child in self.children.items())]
        self.fields["child"] = _choice("Organization", choices, NO_CHILD)
        types = visible_types if self.chosen_child else known_event_types
        names = sorted(types(organization), key=str.casefold)
        asked = self.data.get("type", "")
        if asked not in {"", *names} and self._is_of_an_event(asked):
            names.append(asked)
        choices = [("", "Any type"), *((name, name) for name in names)]
        self.fields["type"] = _choice("Event type", choices, NO_TYPE)
        self.full_clean()

    @property
    def shown(self) -> Organization:
        """Whose events: of the organisation itself, or of a child."""
        return self.chosen_child or self.organization

    @property
    def chosen_child(self) -> Organization | None:
        return self.children.get(self.data.get("child", ""))

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        start, end = given.get("start"), given.get("end")
        if given.get("range") == CUSTOM and start and end and end < start:
            self.add_error("end", ValidationError("“To” is before “From”.", "range_invalid"))
        return given

    @property
    def problems(self) -> list[str]:
        return [str(message) for messages in self.errors.values() for message in messages]

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in FILTERS)

    @property
    def is_at_the_top(self) -> bool:
        """Whether what comes in now would stand on this page."""
        given = self.cleaned_data
        is_over = given["range"] == CUSTOM and given["end"]
        return not (given["older"] or given["newer"] or is_over)

    def query(self, **further: object) -> str:
        """The filters as the query of an address, with `further` parameters."""
        kept = {name: self.data.get(name) for name in FILTERS}
        if kept["range"] != CUSTOM:
            kept |= {"start": None, "end": None}
        return query_of(kept | further)

    @property
    def order(self) -> Order:
        """What `events` are ordered and bounded by."""
        state = self.cleaned_data["state"]
        return order_of(State(state) if state else None)

    def events(self, now: dt.datetime) -> list[QuerySet[Event]]:
        """Querysets that hold together what was asked for, each to be read from one index."""
        given = self.cleaned_data
        events = self._visible()
        if given["state"]:
            state = State(given["state"])
            events = events_with_state(self.organization, state, self.chosen_child)
        if given["type"]:
            events = events.filter(name=given["type"])
        if given["mismatch"]:
            events = events.filter(failures__isnull=False)
        events = events.filter(self._period(now)).defer("payload", "digest")
        return [events.filter(search) for search in self._searches()]

    def _period(self, now: dt.datetime) -> Q:
        given, name = self.cleaned_data, self.order.moment
        start = now - PERIODS.get(given["range"], settings.RETENTION_DAYS * DAY)
        if given["range"] == "today":
            start = midnight(timezone.localdate(now))
        if given["range"] == CUSTOM:
            start = given["start"] or start
            if given["end"]:  # with its whole minute
                return Q((f"{name}__gte", start), (f"{name}__lt", given["end"] + MINUTE))
        return Q((f"{name}__gte", start))

    def _searches(self) -> list[Q]:
        text = self.cleaned_data["q"]
        if not text:
            return [Q()]
        of_customer = Q(customer_id__in=log.customer_ids(self.organization, text))
        names = ("event_id", "request_id", "ref_id", "search_key")
        return [of_customer, *(Q((name, text)) for name in names)]

    def _is_of_an_event(self, name: str) -> bool:
        """Types that are gone can still be asked for while their events are here."""
        if "\0" in name:  # which no database takes
            return False
        return self._visible().filter(name=name).exists()

    def _visible(self) -> QuerySet[Event]:
        if self.chosen_child:
            return events_of_child(self.organization, self.chosen_child)
        return Event.objects.for_organization(self.organization)


def _children(organization: Organization) -> dict[str, Organization]:
    """By what the page's address names them with."""
    if not organization.may_have_children:
        return {}
    return {str(child.pk): child for child in organization.children.order_by("name", "pk")}
