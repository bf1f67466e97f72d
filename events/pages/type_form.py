"""Adding and changing a custom event type."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from events import custom_types
from events.event_groups import grouped
from events.event_types import known_event_types
from events.forms import CustomTypeForm
from events.links import catalogue_path
from events.models import EventType
from events.pages.type_changes import TypeChanges, changes_since
from events.pages.type_check import TypeCheck, check_of
from organizations.models import Access
from organizations.pages.form_page import FormPage
from organizations.pages.page import Page


class TypeFormPage(FormPage):
    section = "catalogue"
    reads = Access.WRITE
    template_name = "events/eventtype_form.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        form: CustomTypeForm = context["form"]
        check: TypeCheck | None = None
        if form.is_bound or form.stored:
            check = check_of(form)
        return {
            "stored": form.stored,
            "has_typed": form.is_bound,
            "groups": [group.name for group in grouped(self._known.values())],
            "cancel_url": catalogue_path(form.stored.name) if form.stored else "/catalogue",
            **context,
            "check": check,
            # Who only asked for a check sees what is wrong where it is.
            "problems": [] if self._asks_for_check else context["problems"],
        }

    @property
    def _known(self) -> Any:
        return known_event_types(self.organization)

    @property
    def _asks_for_check(self) -> bool:
        return "check" in self.request.POST

    def post(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self._asks_for_check:
            form = self.make_form(self.request.POST)
            form.is_valid()
            return self.render(form=form)
        return super().post(*args, **kwargs)


class EventTypeAdd(TypeFormPage):
    def make_form(self, data: QueryDict | None) -> CustomTypeForm:
        return CustomTypeForm(data, organization=self.organization)

    def done(self, form: CustomTypeForm) -> HttpResponse:
        made = custom_types.add(self.request, self.organization, form.name, form.values)
        again = " again, with its earlier versions" if made.version > 1 else ""
        messages.success(self.request, f"{made.name} was added{again}.")
        return redirect(catalogue_path(made.name))


class EventTypeEdit(TypeFormPage):
    """Nobody overwrites unknowingly what another has changed: the form carries what was seen."""

    def make_form(self, data: QueryDict | None) -> CustomTypeForm:
        return CustomTypeForm(data, organization=self.organization, stored=self._stored())

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        seen = self.request.POST.get("seen") or custom_types.mark(context["stored"])
        return {"seen": seen, **context}

    def done(self, form: CustomTypeForm) -> HttpResponseBase:
        seen = self.request.POST.get("seen", "")
        name = form.name
        try:
            changed = custom_types.change(
                self.request,
                self.organization,
                name,
                form.values,
                is_as_seen=lambda stored: custom_types.mark(stored) == seen,
            )
        except KeyError:
            return self._deleted(form)
        except custom_types.Changed as error:
            return self._changed(form, error.event_type)
        is_new = form.stored is not None and changed.version != form.stored.version
        version = f" Version {changed.version} holds from now on." if is_new else ""
        messages.success(self.request, f"Saved.{version}")
        return redirect(catalogue_path(name))

    def _changed(self, form: CustomTypeForm, now: EventType) -> HttpResponse:
        changes: TypeChanges = changes_since(now, form)
        return self.render(form=form, changes=changes, seen=custom_types.mark(now))

    def _deleted(self, form: CustomTypeForm) -> HttpResponse:
        """Nothing is lost: what was typed can be saved as a type of the same name."""
        return self.render(form=form, is_deleted=True)

    def _stored(self) -> EventType:
        try:
            stored = custom_types.custom_type(self.organization, self.kwargs["event_name"])
        except KeyError:
            raise Http404 from None
        if stored.is_deleted and self.request.method != "POST":
            raise Http404
        return stored


class EventTypeCheck(Page):
    """What a schema and a sample that are being typed are worth; nothing is saved."""

    section = "catalogue"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        data = request.POST.copy()
        data.setdefault("name", "")
        form = CustomTypeForm(data, organization=self.organization)
        form.is_valid()
        return render(request, "includes/eventtype_check.html", {"check": check_of(form)})
