"""The form of New notification, Edit and Duplicate.

It lists the fields. What they must be is told by the API's fields and the draft, in their words.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers
from rest_framework.fields import get_error_detail
from rest_framework.response import Response
from rest_framework.settings import api_settings

from events.picker import Picker, picker
from organizations.models import Organization
from webhooks.codes import symbolic
from webhooks.draft import Draft
from webhooks.fields import NumberField
from webhooks.form_headers import HeaderRow, posted_pairs, rows_of
from webhooks.headers import MAX_HEADERS, hidden
from webhooks.models import MAX_TIMEOUT_S, Method, Webhook
from webhooks.serializers import WebhookSerializer

Data = MultiValueDict[str, str]

DEFAULT_CONNECTIONS = 20
HEADERS, EVENTS = "headers", "event_names"
ADVANCED = (
    *("max_connections", "sla_s", "timeout_s", "replay_on_429", "listen_to_child_events"),
    "description",
)
_API = WebhookSerializer().fields
_API_NAMES = {str(field.source): name for name, field in _API.items()}
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?")


class AsTyped(forms.CharField):
    """Text as it was typed, None if it was not sent. It is judged elsewhere."""

    def clean(self, value: Any) -> Any:
        return value


def _number(label: str, help_text: str) -> AsTyped:
    entry = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    return AsTyped(label=label, help_text=help_text, widget=entry)


def _switch(label: str, help_text: str = "") -> forms.BooleanField:
    entry = forms.CheckboxInput(attrs={"role": "switch"})
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=entry)


class WebhookForm(forms.Form):
    """`draft` is what is to be saved, once the form is valid.

    `stored` is the webhook to edit, `model` the one that a new one is copied from. `kept` is what
    was typed so far: it is shown, not checked.
    """

    use_required_attribute = False
    draft: Draft

    name = AsTyped(
        label="Webhook name",
        help_text="Cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = AsTyped(
        label="Webhook URL",
        widget=forms.URLInput(
            attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    method = AsTyped(label="Method", widget=forms.Select(choices=Method.choices))
    is_active = _switch("Active", "While it is off, deliveries are held for up to 24 hours.")
    max_connections = _number(
        "Maximum allowed connections", "Requests that are in flight to it at the same time."
    )
    sla_s = _number("Delivery SLA (in seconds)", "0: no SLA.")
    timeout_s = _number("Timeout (in seconds)", f"1 to {MAX_TIMEOUT_S}.")
    replay_on_429 = _switch("Replay on 429", "Otherwise “Too Many Requests” is final, as any 4xx.")
    listen_to_child_events = _switch("Receive events of child organizations")
    description = AsTyped(
        label="Description", required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(
        self,
        data: Data | None = None,
        *,
        organization: Organization,
        stored: Webhook | None = None,
        model: Webhook | None = None,
        kept: Data | None = None,
    ) -> None:
        typed = data if data is not None else kept
        typed = None if typed is None else _readable(typed)
        super().__init__(None if data is None else typed)
        self.organization = organization
        self.stored, self.model = stored, model
        self.section_problems: dict[str, list[str]] = {}
        self.row_problems: dict[str, list[str]] = {}
        del self.fields["name" if stored else "is_active"]
        if typed is None:
            self._start_from(stored or model)
        else:
            self.initial = {
                name: field.widget.value_from_datadict(typed, {}, name)
                for name, field in self.fields.items()
            }
            self.pairs = posted_pairs(typed)
            self.selected = _in_stored_order(typed.getlist(EVENTS), stored)

    def _start_from(self, webhook: Webhook | None) -> None:
        start = webhook or Webhook(max_connections=DEFAULT_CONNECTIONS)
        self.initial = {name: getattr(start, name) for name in self.fields}
        if webhook is not None and self.stored is None:
            self.initial["name"] = ""
        pairs = webhook.header_pairs if webhook else []
        self.pairs = [(name, hidden(name, value)) for name, value in pairs]
        self.selected = webhook.event_names if webhook else []

    def is_valid(self) -> bool:
        return super().is_valid() and not self.section_problems and not self.row_problems

    def clean(self) -> dict[str, Any]:
        values, wrong = self._typed()
        self.draft = self._draft(values)
        found: dict[str, Any] = dict(wrong)
        try:
            self.draft.clean(exclude=wrong)
        except ValidationError as broken:
            found |= cast("dict[str, Any]", get_error_detail(broken))
        self._tell_all(found)
        return self.cleaned_data

    def refuse(self, broken: ValidationError) -> None:
        """Tell what was found wrong only when the draft was saved."""
        self._tell_all(cast("dict[str, Any]", get_error_detail(broken)))

    def _tell_all(self, found: Mapping[str, Any]) -> None:
        for path, details in found.items():
            self._tell(path, words(path, details))

    def _draft(self, values: Mapping[str, Any]) -> Draft:
        if self.stored:
            draft = Draft.of(self.stored)
        elif self.model:
            draft = Draft.like(self.model)
        else:
            draft = Draft(Webhook(organization=self.organization), [], [])
        for source, value in values.items():
            if source == "is_active":
                draft.set_active(value)
            else:
                setattr(draft.webhook, source, value)
        draft.set_headers(self.pairs)
        draft.set_event_names(self.selected)
        return draft

    def _typed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values, and errors of the others. What is not sent stays as it is."""
        values, wrong = {}, {}
        for name in self.fields:
            field = _API[_API_NAMES[name]]
            given = _as_number(self.cleaned_data[name], name)
            try:
                if given is not None:
                    values[name] = field.run_validation(given)
                elif field.required or name == "name":
                    field.fail("required")
                elif isinstance(field, NumberField):
                    values[name] = Webhook._meta.get_field(name).get_default()  # type: ignore[union-attr]
            except serializers.ValidationError as error:
                wrong[name] = error.detail
        return values, wrong

    def _tell(self, path: str, messages: list[str]) -> None:
        """At the field, the header's rows, or the section of the events."""
        source, _, header = path.partition(".")
        section = source.split("[")[0]
        if section in self.fields:
            self.add_error(section, cast("Any", messages))
        elif section == HEADERS and (header or self._has_nameless_row()):
            self.row_problems.setdefault(header, []).extend(messages)
        elif section in {HEADERS, EVENTS}:
            self.section_problems.setdefault(section, []).extend(messages)
        else:
            self.add_error(None, cast("Any", messages))

    def _has_nameless_row(self) -> bool:
        nameless = any(not name for name, _ in self.draft.headers)
        return nameless and len(self.draft.headers) <= MAX_HEADERS

    @property
    def rows(self) -> list[HeaderRow]:
        problems = self.row_problems if self.is_bound else {}
        return rows_of(self.pairs, problems, self.stored or self.model)

    @property
    def picker(self) -> Picker:
        return picker(self.organization, self.selected)

    @property
    def advanced_is_open(self) -> bool:
        return any(name in self.errors for name in ADVANCED)

    @property
    def summary(self) -> str:
        """The advanced settings in a line, as they stand in the form."""
        connections, sla, timeout = (
            str(self[name].value() or "")[:20] for name in ("max_connections", "sla_s", "timeout_s")
        )
        parts = [
            f"{connections} connections",
            f"SLA {sla} s" if sla not in {"", "0"} else "no SLA",
            f"timeout {timeout} s",
        ]
        if self["replay_on_429"].value():
            parts.append("replay on 429")
        if self["listen_to_child_events"].value():
            parts.append("child organizations")
        return ", ".join(parts)

    @property
    def problems(self) -> Iterator[tuple[str, str, str]]:
        """(id of the field, label, message) in the order of the page."""
        yield from (("main", "", str(message)) for message in self.non_field_errors())
        for name in ("name", "url", "method", "is_active"):
            yield from self._field_problems(name)
        for row in self.rows:
            yield from ((row.key_id, f"Header {row.label}", problem) for problem in row.problems)
        for message in self.section_problems.get(HEADERS, []):
            yield "s-header", "Header", message
        for name in ADVANCED:
            yield from self._field_problems(name)
        for message in self.section_problems.get(EVENTS, []):
            yield "s-events", "Events", message

    def _field_problems(self, name: str) -> Iterator[tuple[str, str, str]]:
        for message in self.errors.get(name, []):
            yield self[name].id_for_label, str(self.fields[name].label), str(message)


def words(path: str, details: Any) -> list[str]:
    """What the API answers to these errors of a webhook's field."""
    source = path.split(".")[0].split("[")[0]
    api_path = path.replace(source, _API_NAMES.get(source, source), 1)
    refusal = serializers.ValidationError(symbolic({api_path: details}))
    explain = cast("Callable[..., Response]", api_settings.EXCEPTION_HANDLER)
    answer = explain(refusal, {})
    return [error["message"] for error in answer.data["errors"]]


def _as_number(given: Any, name: str) -> Any:
    """Digits as the number that JSON would have had; an emptied field as one not given."""
    if name == "description" and isinstance(given, str):
        return given.replace("\r\n", "\n")
    if not isinstance(_API[_API_NAMES[name]], NumberField) or given is None:
        return given
    text = given.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text) if "." in text else int(text)
    return number if math.isfinite(number) else text


def _in_stored_order(names: list[str], stored: Webhook | None) -> list[str]:
    """Boxes come in the order of the picker; the order that the webhook has is kept."""
    chosen = dict.fromkeys(names)
    before = [name for name in (stored.event_names if stored else []) if name in chosen]
    return list(dict.fromkeys([*before, *chosen]))


def _readable(data: Data) -> Data:
    """Half surrogate pairs, which no page can show, as the sign for broken text."""
    return MultiValueDict({key: [_text(value) for value in values] for key, values in data.lists()})


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
