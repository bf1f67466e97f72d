"""The versions of a custom event type, also of a deleted one: looked at, compared, restored."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property

from events import custom_types
from events.custom_types import CONTENT, PLAIN
from events.links import catalogue_path
from events.models import EventType, EventTypeVersion
from events.pages.schema_panel import JsonText
from events.version_differences import counts, json_differences
from organizations.pages.page import Page, TemplatePage

PER_PAGE = 20


class TypePage(Page):
    """About one custom type of the organisation; a deleted one is found as well."""

    section = "catalogue"

    @cached_property
    def event_type(self) -> EventType:
        try:
            return custom_types.custom_type(self.organization, self.kwargs["event_name"])
        except KeyError:
            raise Http404 from None

    def version(self, number: int) -> EventTypeVersion:
        try:
            return custom_types.version_of(self.event_type, number)
        except KeyError:
            raise Http404 from None


class EventTypeVersions(TypePage, TemplatePage):
    template_name = "events/eventtype_versions.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        versions = custom_types.versions(self.event_type)
        page = Paginator(versions, PER_PAGE).get_page(self.request.GET.get("page"))
        return {**context, "event_type": self.event_type, "page_obj": page}


class EventTypeVersionPage(TypePage, TemplatePage):
    """What it changed, or against another version: `?from=`."""

    template_name = "events/eventtype_version.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        version = self.version(self.kwargs["version_number"])
        earlier = self._earlier(version)
        return {
            **context,
            "event_type": self.event_type,
            "version": version,
            "earlier": earlier,
            "is_current": version.number == self.event_type.version,
            "texts": [_text(earlier, version, name) for name in CONTENT],
        }

    def _earlier(self, version: EventTypeVersion) -> EventTypeVersion | None:
        asked = self.request.GET.get("from", "")
        if asked.isascii() and asked.isdecimal() and len(asked) <= 9:
            return self.version(int(asked))
        return self.event_type.versions.filter(number__lt=version.number).first()


def _text(earlier: EventTypeVersion | None, version: EventTypeVersion, name: str) -> dict[str, Any]:
    value = getattr(version, name)
    lines = None
    if earlier is not None:
        lines = json_differences(getattr(earlier, name), value)
    came, went = counts(lines) if lines else (0, 0)
    label = {"schema": "JSON Schema", "sample": "Example"}[name]
    return {
        "label": label,
        "difference_label": f"What differs in the {label}",
        "lines": lines if came or went else None,
        "came": came,
        "went": went,
        "is_compared": lines is not None,
        "json": None
        if value is None
        else JsonText(json.dumps(value, ensure_ascii=False, indent=2)),
    }


class EventTypeRestore(TypePage):
    """Makes an older version's schema and sample the newest; a deleted type comes back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, event_name: str, version_number: int) -> HttpResponse:
        version = self.version(version_number)
        content = {name: getattr(version, name) for name in CONTENT}
        try:
            if self.event_type.is_deleted:
                plain = {name: getattr(self.event_type, name) for name in PLAIN}
                custom_types.add(request, self.organization, event_name, {**plain, **content})
            else:
                custom_types.change(request, self.organization, event_name, content)
        except KeyError:
            raise Http404 from None
        except ValidationError as error:
            messages.error(request, f"Not restored: {' '.join(error.messages)}")
            return redirect("event-type-version", event_name, version_number)
        messages.success(request, f"Version {version_number} was restored as the newest.")
        return redirect(catalogue_path(event_name))
