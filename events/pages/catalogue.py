"""The page Event catalogue: the organisation's event types, and the schema of one beside them."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property

from events import frequency
from events.activation import configure
from events.event_types import EventTypes, known_event_types
from events.family_types import visible_types
from events.models import EventType
from events.pages.catalogue_rows import (
    KINDS,
    CatalogueFilter,
    Figures,
    Listing,
    group_names,
    switch,
)
from events.pages.schema_panel import SchemaPanel, schema_panel
from organizations.pages.page import Page, TemplatePage

PANEL = "includes/schema_panel.html"
MOST_DELETED = 50


class EventTypeList(TemplatePage):
    section = "catalogue"
    template_name = "events/eventtype_list.html"
    parts = {"results": "includes/eventtype_results.html"}

    @cached_property
    def panel(self) -> SchemaPanel | None:
        """Of the type that is shown beside the list."""
        return None

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        types = visible_types(self.organization)
        asked = CatalogueFilter.of_query(self.request.GET)
        listing = Listing(
            types=asked.chosen(types),
            figures=self._figures(),
            current=self.panel.event_type.name if self.panel else "",
            query=asked.query(),
            may_write=self.caller.access.may_write,
        )
        return {
            **context,
            "asked": asked,
            "groups": group_names(types),
            "kinds": _kinds(asked, types),
            "listing": listing,
            "panel": self.panel,
            "is_renewal": bool(self.part),
            "deleted": self._deleted_names(),
        }

    @cached_property
    def times(self) -> dict[str, int]:
        return frequency.counts(self.organization)

    def _deleted_names(self) -> list[str]:
        """The latest first; their versions can still be looked at."""
        deleted = EventType.objects.for_organization(self.organization).exclude(deleted_at=None)
        return list(deleted.order_by("-deleted_at").values_list("name", flat=True)[:MOST_DELETED])

    def _figures(self) -> Figures:
        live = self.organization.webhooks.filter(deleted_at=None)
        subscribed = live.order_by().values_list("subscriptions__event_name").annotate(Count("pk"))
        return Figures(dict(subscribed), self.times)


class EventTypeDetail(EventTypeList):
    """The same page with a type's schema; its panel is asked for from here and from the picker."""

    parts = {"schema": PANEL, "picker": PANEL}

    @cached_property
    def panel(self) -> SchemaPanel:
        try:
            return schema_panel(self.organization, self.kwargs["event_name"], self.times)
        except KeyError:
            raise Http404 from None

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        if self.part:
            return {
                "panel": self.panel,
                "is_catalogue": self.part == "schema",
                "membership": self.request.membership,
            }
        return super().get_context_data(**context)

    def address(self, context: dict[str, Any]) -> str:
        return f"{self.request.get_full_path()}#schema" if context["is_catalogue"] else ""


class EventTypeSwitch(Page):
    """Makes a type active or inactive; answers with the switch, without scripts with the page."""

    http_method_names = ["post"]
    section = "catalogue"

    def post(self, request: HttpRequest, event_name: str) -> HttpResponse:
        if event_name not in known_event_types(self.organization):
            raise Http404
        wanted = self.request.POST.get("active")
        if wanted not in {"true", "false"}:
            raise BadRequest
        active = wanted == "true"
        try:
            configure(request, self.organization, event_name, active=active)
        except KeyError:
            raise Http404 from None
        known = known_event_types(self.organization)[event_name]
        if self.request.htmx:
            return HttpResponse(switch(known, self.request.htmx.trigger or "switch"))
        messages.success(request, f"{event_name} is {'active' if active else 'inactive'} now.")
        asked = CatalogueFilter.of_query(self.request.POST)
        return redirect(reverse("event-type-list") + asked.query())


def _kinds(asked: CatalogueFilter, types: EventTypes) -> list[dict[str, Any]]:
    return [
        {
            "word": word,
            "count": len(asked.chosen(types, kind)),
            "query": asked.query(kind=kind) or "?",
            "is_current": kind == asked.kind,
        }
        for kind, word in KINDS.items()
    ]
