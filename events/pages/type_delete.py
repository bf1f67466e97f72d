"""Deleting a custom event type."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from events import custom_types, frequency
from events.pages.type_versions import TypePage
from organizations.models import Access
from organizations.pages.page import TemplatePage

MOST_SHOWN = 50


class EventTypeDelete(TypePage, TemplatePage):
    """Asks first, and names the webhooks that are in the way."""

    reads = Access.WRITE
    template_name = "events/eventtype_confirm_delete.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        if self.event_type.is_deleted:
            raise Http404
        name = self.event_type.name
        webhooks = self.organization.webhooks.filter(
            deleted_at=None, subscriptions__event_name=name
        )
        return {
            **context,
            "event_type": self.event_type,
            "webhooks": list(webhooks.order_by("name").values("public_id", "name")[:MOST_SHOWN]),
            "webhook_count": webhooks.count(),
            "times": frequency.counts(self.organization).get(name, 0),
        }

    def post(self, *_: object, **__: object) -> HttpResponse:
        name = self.event_type.name
        try:
            custom_types.delete(self.request, self.organization, name)
        except KeyError:
            raise Http404 from None
        except ValidationError as error:
            return self.render(refusal=" ".join(error.messages))
        messages.success(self.request, f"{name} was deleted. Its versions and events are kept.")
        return redirect("event-type-list")
