"""How events of a type are checked: off, warn or reject."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from events.activation import configure
from events.event_types import known_event_types
from events.links import catalogue_path
from events.models import Validation
from organizations.pages.page import Page


class EventTypeValidation(Page):
    """Of standard types as well."""

    http_method_names = ["post"]
    section = "catalogue"

    def post(self, request: HttpRequest, event_name: str) -> HttpResponse:
        if event_name not in known_event_types(self.organization):
            raise Http404
        wanted = request.POST.get("validation")
        if wanted not in Validation.values:
            raise BadRequest
        try:
            configure(request, self.organization, event_name, validation=Validation(wanted))
        except KeyError:
            raise Http404 from None
        label = Validation(wanted).label.lower()
        messages.success(request, f"{event_name}: what does not fit is {label} from now on.")
        return redirect(f"{catalogue_path(event_name)}#schema")
