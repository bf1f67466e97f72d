"""Which of a webhook's deliveries people mean: by when the events came in, states and types."""

import datetime as dt
import hashlib
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict

from delivery.cancelling import Selection
from delivery.looks import LOOKS
from delivery.models import FINAL, WAITING, State
from delivery.pages.feed_filter import MomentField
from delivery.replay.choice import Choice
from webhooks.models import Webhook

DAY, WEEK, ALL, CHOSEN = "24h", "7d", "all", "choose"
BACK = {
    DAY: dt.timedelta(hours=24),
    WEEK: dt.timedelta(days=7),
    ALL: dt.timedelta(days=settings.RETENTION_DAYS),
}
PERIODS = [(DAY, "Last 24 hours"), (WEEK, "Last 7 days")]
FROM_TO = (CHOSEN, "From … to …")
# What is asked for most stands first.
REPLAYED = [
    *(State.FAILED, State.EXPIRED, State.BLOCKED, State.QUARANTINED, State.RETRYING),
    *(State.CANCELLED, State.DELIVERED),
]
assert set(REPLAYED) == {*FINAL, State.RETRYING}  # noqa: S101  none is forgotten
MINUTE = dt.timedelta(minutes=1)


def _states(states: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="Delivery status",
        required=False,
        choices=[(state.value, LOOKS[state].word) for state in states],
        widget=forms.CheckboxSelectMultiple,
    )


class RangeForm(forms.Form):
    """`counted` tells what was chosen when the count was made that the reader saw."""

    initially: ClassVar[dict[str, Any]]

    period = forms.ChoiceField(label="Events that came in")
    first = MomentField("From")
    last = MomentField("To")
    event_names = forms.MultipleChoiceField(
        label="Event types", required=False, widget=forms.CheckboxSelectMultiple
    )
    counted = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, webhook: Webhook, now: dt.datetime) -> None:
        super().__init__(data or _as_data(self.initially), auto_id="range-%s")
        self.now = now
        names = self.fields["event_names"]
        assert isinstance(names, forms.MultipleChoiceField)  # noqa: S101  tells the type checker
        names.choices = [(name, name) for name in webhook.event_names]

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        first, last = given.get("first"), given.get("last")
        if given.get("period") == CHOSEN:
            if first is None and "first" not in self.errors:
                self.add_error("first", ValidationError("Say when it begins.", "required"))
            if first and last and last < first:
                self.add_error("last", ValidationError("It ends before it begins.", "order"))
        return given

    @property
    def start(self) -> dt.datetime:
        """Of a valid form; not before what is kept."""
        given = self.cleaned_data
        oldest = self.now - BACK[ALL]
        if given["period"] == CHOSEN:
            first: dt.datetime = given["first"]
            return max(first, oldest)
        return self.now - BACK[given["period"]]

    @property
    def end(self) -> dt.datetime:
        """Before which they came in: the minute that is named belongs to the range."""
        last: dt.datetime | None = self.cleaned_data["last"]
        if self.cleaned_data["period"] != CHOSEN or last is None:
            return self.now
        return min(last + MINUTE, self.now)

    @property
    def chosen(self) -> str:
        """What was chosen, as one word to compare."""
        given = self.cleaned_data
        moments = [given["first"], given["last"]] if given["period"] == CHOSEN else []
        lists = [sorted(value) for value in given.values() if isinstance(value, list)]
        text = repr((given["period"], [str(m) for m in moments], lists, given.get("missing")))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]

    @property
    def is_counted(self) -> bool:
        """Whether the count that the reader saw was of this."""
        return bool(self.cleaned_data["counted"] == self.chosen)

    @property
    def periods(self) -> list[forms.BoundField]:
        return [self["first"], self["last"]]


class ReplayForm(RangeForm):
    initially = {"period": DAY, "status": [State.FAILED, State.EXPIRED]}

    period = forms.ChoiceField(label="Events that came in", choices=[*PERIODS, FROM_TO])
    status = _states(REPLAYED)
    missing = forms.BooleanField(label="Also events that never had a delivery", required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if not given.get("status") and not given.get("missing") and "status" not in self.errors:
            self.add_error("status", ValidationError("Choose at least one.", "required"))
        return given

    @property
    def choice(self) -> Choice:
        given = self.cleaned_data
        return Choice(
            start=self.start,
            end=self.end,
            states=tuple(given["status"]),
            event_names=tuple(given["event_names"]),
            missing=given["missing"],
            asked_at=self.now,
        )


class CancelForm(RangeForm):
    initially = {"period": ALL, "status": list(WAITING)}

    period = forms.ChoiceField(
        label="Events that came in", choices=[(ALL, "At any time"), *PERIODS, FROM_TO]
    )
    status = _states(WAITING)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if not given.get("status") and "status" not in self.errors:
            self.add_error("status", ValidationError("Choose at least one.", "required"))
        return given

    @property
    def selection(self) -> Selection:
        given = self.cleaned_data
        is_any_time = given["period"] == ALL
        return Selection(
            tuple(given["status"]),
            None if is_any_time else self.start,
            None if is_any_time else self.end,
            tuple(given["event_names"]),
        )


def _as_data(initially: dict[str, Any]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in initially.items():
        data.setlist(name, [str(one) for one in (value if isinstance(value, list) else [value])])
    return data
