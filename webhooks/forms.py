"""The form of New notification, Edit and Duplicate.

It lists the fields. What they must be is told by the API's fields and the draft, in their words.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from rest_framework.fields import get_error_detail

from events.picker import Picker, picker
from organizations.models import Organization
from webhooks.api_words import words
from webhooks.draft import Draft
from webhooks.form_fields import (
    ADVANCED,
    CHILDREN,
    CUSTOMER,
    ENRICHMENT,
    FILTER,
    FIRST_SOURCES,
    SOURCES,
    WHERE,
    Data,
    WebhookFields,
    start_values,
)
from webhooks.form_headers import HeaderRow, posted_pairs, rows_of
from webhooks.headers import MAX_HEADERS, hidden
from webhooks.models import Webhook, WebhookType

DEFAULT_CONNECTIONS = 20
HEADERS, EVENTS = "headers", "event_names"


class WebhookForm(WebhookFields):
    """`draft` is what is to be saved, once the form is valid.

    `stored` is the webhook to edit, `model` the one that a new one is copied from. `kept` is what
    was typed so far: it is shown, not checked.
    """

    draft: Draft

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
        if not organization.may_have_children:
            del self.fields[CHILDREN]
        elif not organization.children.exists():
            self.fields[CHILDREN].help_text = "There are none yet; it will hold for those to come."
        if typed is None:
            self._start_from(stored or model)
        else:
            self.initial = {
                name: field.widget.value_from_datadict(typed, {}, name)
                for name, field in self.fields.items()
            }
            self.pairs = posted_pairs(typed)
            before = stored.event_names if stored else []
            self.selected = _in_order_of(before, typed.getlist(EVENTS))

    def _start_from(self, webhook: Webhook | None) -> None:
        self.initial = start_values(webhook or Webhook(max_connections=DEFAULT_CONNECTIONS))
        if webhook is not None and self.stored is None:
            self.initial["name"] = ""
        pairs = webhook.header_pairs if webhook else []
        self.pairs = [(name, hidden(name, value)) for name, value in pairs]
        self.selected = webhook.event_names if webhook else []

    def is_valid(self) -> bool:
        return super().is_valid() and not self.section_problems and not self.row_problems

    def clean(self) -> dict[str, Any]:
        values, wrong = self.typed()
        self.draft = self._draft(values)
        found: dict[str, Any] = dict(wrong)
        try:
            self.draft.clean(exclude=wrong)
        except ValidationError as broken:
            found |= cast("dict[str, Any]", get_error_detail(broken))
        self._ask_for_sources()
        self._tell_all(found)
        return self.cleaned_data

    def refuse(self, broken: ValidationError) -> None:
        """Tell what was found wrong only when the draft was saved."""
        self._tell_all(cast("dict[str, Any]", get_error_detail(broken)))

    def _ask_for_sources(self) -> None:
        """Without scripts, sources can be ticked without the box that they belong to."""
        wants, chosen = self.cleaned_data[CUSTOMER], bool(self.cleaned_data[SOURCES])
        if wants and not chosen:
            self.add_error(SOURCES, "Choose at least one source.")
        elif chosen and not wants:
            self.add_error(CUSTOMER, "Tick it too for the chosen sources, or choose no source.")

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
            elif source == "url":
                draft.set_url(value)
            elif source == SOURCES:
                draft.webhook.enrich_customer_sources = _in_order_of(
                    draft.webhook.enrich_customer_sources, value
                )
            else:
                setattr(draft.webhook, source, value)
        draft.set_headers(self.pairs)
        draft.set_event_names(self.selected)
        return draft

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
    def first_sources(self) -> list[Any]:
        """The boxes of the sources that most want, as widgets."""
        return list(self[SOURCES])[:FIRST_SOURCES]

    @property
    def more_sources(self) -> list[Any]:
        return list(self[SOURCES])[FIRST_SOURCES:]

    @property
    def has_more_sources(self) -> bool:
        """One of those that are folded away is chosen."""
        return any(box.data["selected"] for box in self.more_sources)

    @property
    def is_queue(self) -> bool:
        return str(self["webhook_type"].value()).lower() == WebhookType.QUEUE.value

    @property
    def where_is_open(self) -> bool:
        return any(name in self.errors for name in ("webhook_type", "method"))

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
        if CHILDREN in self.fields and self[CHILDREN].value():
            parts.append("child organizations")
        parts.append("a filter" if str(self[FILTER].value() or "").strip() else "no filter")
        return ", ".join(parts)

    @property
    def problems(self) -> Iterator[tuple[str, str, str]]:
        """(id of the field, label, message) in the order of the page."""
        yield from (("main", "", str(message)) for message in self.non_field_errors())
        yield from self._field_problems(WHERE)
        for row in self.rows:
            yield from ((row.key_id, f"Header {row.label}", problem) for problem in row.problems)
        for message in self.section_problems.get(HEADERS, []):
            yield "s-header", "Header", message
        yield from self._field_problems(ENRICHMENT)
        yield from self._field_problems(ADVANCED)
        for message in self.section_problems.get(EVENTS, []):
            yield "s-events", "Events", message

    def _field_problems(self, names: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
        for name in names:
            for message in self.errors.get(name, []):
                yield self[name].auto_id, str(self.fields[name].label), str(message)


def _in_order_of(before: list[str], names: list[str]) -> list[str]:
    """Boxes come in the order of the page; the order that the webhook has is kept."""
    chosen = dict.fromkeys(names)
    kept = [name for name in before if name in chosen]
    return list(dict.fromkeys([*kept, *chosen]))


def _readable(data: Data) -> Data:
    """Half surrogate pairs, which no page can show, as the sign for broken text."""
    return MultiValueDict({key: [_text(value) for value in values] for key, values in data.lists()})


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
