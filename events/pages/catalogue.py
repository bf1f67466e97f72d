"""The page Event catalogue: the organisation's event types, and the schema of one beside them."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.views.generic import TemplateView
from django_htmx.http import push_url

from events import frequency
from events.activation import set_active
from events.event_types import EventTypes, known_event_types
from events.pages.catalogue_rows import (
    KINDS,
    CatalogueFilter,
    Figures,
    Listing,
    group_names,
    switch,
)
from events.pages.schema_panel import SchemaPanel, schema_panel
from organizations.pages.page import Page

SHEET = "schema"  # the element of this page; the picker has its own
RESULTS = "results"  # the element that live filtering renews


class EventTypeList(Page, TemplateView):
    """Works by links and a form; with scripts, only the part that changes comes anew."""

    request: Any
    section = "catalogue"
    template_name = "events/eventtype_list.html"

    @cached_property
    def panel(self) -> SchemaPanel | None:
        """Of the type that is shown beside the list."""
        return None

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        patch_vary_headers(response, ("HX-Request", "HX-Target"))
        return response

    def get_template_names(self) -> list[str]:
        is_renewal = self.request.htmx.target == RESULTS
        return ["includes/eventtype_results.html"] if is_renewal else [self.template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        types = known_event_types(self.organization)
        asked = CatalogueFilter.of_query(self.request.GET)
        listing = Listing(
            types=asked.chosen(types),
            figures=self._figures(),
            current=self.panel.event_type.name if self.panel else "",
            query=asked.query(),
            may_write=self.caller.access.may_write,
        )
        return {
            **super().get_context_data(**kwargs),
            "asked": asked,
            "groups": group_names(types),
            "kinds": _kinds(asked, types),
            "listing": listing,
            "panel": self.panel,
            "is_renewal": self.request.htmx.target == RESULTS,
        }

    @cached_property
    def times(self) -> dict[str, int]:
        return frequency.counts(self.organization)

    def _figures(self) -> Figures:
        live = self.organization.webhooks.filter(deleted_at=None)
        subscribed = live.order_by().values_list("subscriptions__event_name").annotate(Count("pk"))
        return Figures(dict(subscribed), self.times)


class EventTypeDetail(EventTypeList):
    """The same page with a type's schema; for a fragment the panel alone."""

    @cached_property
    def panel(self) -> SchemaPanel:
        try:
            return schema_panel(self.organization, self.kwargs["event_name"], self.times)
        except KeyError:
            raise Http404 from None

    def get_template_names(self) -> list[str]:
        return ["includes/schema_panel.html"] if self._is_fragment else [self.template_name]

    @property
    def _is_fragment(self) -> bool:
        return bool(self.request.htmx.target)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if self._is_fragment:
            is_catalogue = self.request.htmx.target == SHEET
            return {"panel": self.panel, "is_catalogue": is_catalogue}
        return super().get_context_data(**kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        if self.request.htmx.target == SHEET:
            push_url(response, f"{request.get_full_path()}#{SHEET}")
        return response


class EventTypeSwitch(Page):
    """Makes a type active or inactive; answers with the switch, without scripts with the page."""

    request: Any
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
            set_active(request, self.organization, event_name, active=active)
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
