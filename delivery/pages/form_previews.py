"""What the settings in the webhook form would do, before they are saved. Nothing is changed.

Where scripts run only the preview is asked for; without, its button brings the whole form again
as it was typed, with the preview in it.
"""

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.fields import get_error_detail

from delivery.enrichment.payloads import TOO_LARGE, UNAVAILABLE
from delivery.enrichment.preview import Preview, preview
from delivery.enrichment.settings import COLUMNS, Settings
from delivery.filter_preview import matches
from delivery.looks import Look
from events.event_types import sample_of
from events.family_types import visible_types
from events.models import Event
from organizations.models import Access
from organizations.sources import canonical
from webhooks.api_words import words as words_for
from webhooks.filter_text import typed_filter
from webhooks.form_fields import FILTER, SOURCES
from webhooks.forms import EVENTS
from webhooks.models import Webhook
from webhooks.pages.form import WebhookFormPage

LOOKS = {
    True: Look("ok", "check", "Sent"),
    False: Look("off", "off", "Not sent"),
    None: Look("waiting", "alert", "Sent, can not be evaluated"),
}


MISSED = {
    UNAVAILABLE: "The reference data did not answer. Try again in a moment.",
    TOO_LARGE: "So much would be added that the event would go out as it is.",
}
# Shown while no event is selected.
EXAMPLES = ("pointsIssued", "pointsRedeemed", "transactionAdded", "customerAdded")


class FormPreview(WebhookFormPage):
    """`name` is what the form's template calls the preview."""

    http_method_names = ["post"]
    reads = Access.WRITE
    name: ClassVar[str]
    fragment: ClassVar[str]

    def post(self, request: HttpRequest) -> HttpResponse:
        preview = self.preview()
        if self.request.htmx:
            return render(request, self.fragment, {"preview": preview})
        model = self.model(request.POST, Webhook.objects.all())
        public_id = request.POST.get("webhook")
        stored = None
        if public_id:
            stored = self.own_by_id(public_id, Webhook.objects.filter(deleted_at=None))
        return self.unchecked(stored, model, **{self.name: preview})

    def preview(self) -> Any:
        """What that which was typed would do, as the fragment shows it."""
        raise NotImplementedError

    def selected(self) -> list[str]:
        """The chosen names that the organisation or a child of it knows, each once."""
        known = visible_types(self.organization)
        chosen = dict.fromkeys(self.request.POST.getlist(EVENTS))
        return [name for name in chosen if name in known]


@dataclass(frozen=True, slots=True)
class EnrichmentPreview:
    """`names`: the events to choose from. `before_and_after` is None where the event called
    `name` has no sample; `are_selected` is False where none was selected and these stand in."""

    names: list[str]
    name: str
    are_selected: bool
    before_and_after: Preview | None

    @property
    def added(self) -> int:
        shown = self.before_and_after
        return 0 if shown is None else len(shown.changed_lines)

    @property
    def added_words(self) -> str:
        return "1 line" if self.added == 1 else f"{self.added} lines"

    @property
    def label(self) -> str:
        return f"{self.name}, enriched, differences marked"

    @property
    def note(self) -> str:
        shown = self.before_and_after
        if shown is None:
            return "There is no sample of this event type."
        if shown.missed:
            return MISSED[shown.missed]
        parts = [] if self.are_selected else ["No event is selected yet; these are examples."]
        if not self.added:
            parts.append("Nothing is added to this event by what is chosen.")
        elif shown.has_examples:
            parts.append("Your reference data does not know this sample; examples stand in for it.")
        return " ".join(parts)


class EnrichmentPreviewPage(FormPreview):
    name = "preview"
    fragment = "includes/enrichment_preview.html"

    def preview(self) -> EnrichmentPreview:
        data = self.request.POST
        selected = self.selected()
        names = selected or list(EXAMPLES)
        wanted = data.get("preview_chosen") or data.get("preview_of", "")
        name = wanted if wanted in names else names[0]
        columns = {column: column in data for column in COLUMNS}
        sources = [canonical(source) for source in data.getlist(SOURCES)]
        chosen = Settings.of_columns(columns | {SOURCES: sources})
        shown = self._before_and_after(name, chosen)
        return EnrichmentPreview(names, name, bool(selected), shown)

    def _before_and_after(self, name: str, chosen: Settings) -> Preview | None:
        try:
            sample = sample_of(self.organization, name)
        except KeyError:  # deleted within the last seconds
            sample = None
        return sample and preview(self.organization, json.dumps(sample), chosen)


@dataclass(frozen=True, slots=True)
class FilterRow:
    event: Event
    look: Look
    reason: str


@dataclass(frozen=True, slots=True)
class FilterPreview:
    """`problems`: what is wrong with the filter, in its place `rows`: the last events, the latest
    first, and in `words` how many of them match. `is_open` shows the rows."""

    problems: list[str] = field(default_factory=list)
    rows: list[FilterRow] = field(default_factory=list)
    words: str = ""
    is_open: bool = False


class FilterPreviewPage(FormPreview):
    name = "filter_preview"
    fragment = "includes/filter_preview.html"

    def preview(self) -> FilterPreview:
        names = self.selected()
        try:
            value = typed_filter(self.request.POST.get(FILTER, ""))
            if value is None:
                return FilterPreview(words="Without a filter every event is sent.")
            found = matches(self.organization, value, names, with_children=self._listens())
        except ValidationError as broken:
            return FilterPreview(words_for(FILTER, get_error_detail(broken)))
        rows = [FilterRow(m.event, LOOKS[m.verdict.matches], m.verdict.reason) for m in found]
        said = _said([m.verdict.matches for m in found], names)
        return FilterPreview(rows=rows, words=said, is_open=not self.request.htmx)

    def _listens(self) -> bool:
        listens = "listen_to_child_events" in self.request.POST
        return listens and self.organization.may_have_children


def _said(verdicts: list[bool | None], names: list[str]) -> str:
    if not names:
        return "Select events, and the last ones of them are tried here."
    if not verdicts:
        return "None of the selected events arrived within the time that events are kept."
    of = names[0] if len(names) == 1 else "selected events"
    sent, unclear = verdicts.count(True), verdicts.count(None)
    text = f"{sent} of the last {len(verdicts)} {of} match"
    if unclear:
        text += f", {unclear} can not be evaluated and would be sent too"
    return f"{text}."
