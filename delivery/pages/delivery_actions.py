"""Replay or cancel one delivery, from its page or its event's; replay an event to all webhooks."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from delivery.cancelling import cancel_one
from delivery.models import Delivery
from delivery.pages.event_detail import MAX_DELIVERIES, EventPage, deliveries_of
from delivery.replay.one import replay_one
from organizations.pages.page import Page


class DeliveryAction(Page):
    """Does it and goes back to where its button was. What can not be done is told."""

    section = "notifications"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        own = Delivery.objects.for_organization(self.organization)
        related = own.select_related("event", "webhook")
        delivery = get_object_or_404(related, pk=self.kwargs["delivery_id"])
        try:
            shown = self.act(delivery)
        except ValidationError as error:
            messages.error(request, error.message)
            shown = delivery
        return HttpResponseRedirect(self._back(shown))

    def act(self, delivery: Delivery) -> Delivery:
        """Answers the delivery to be shown. Raises ValidationError."""
        raise NotImplementedError

    def _back(self, shown: Delivery) -> str:
        path = self.request.POST.get("back") or ""
        if path[:1] == "/" and url_has_allowed_host_and_scheme(path, allowed_hosts=None):
            return path
        return reverse("delivery-detail", args=[shown.pk])


class DeliveryReplay(DeliveryAction):
    def act(self, delivery: Delivery) -> Delivery:
        again = replay_one(delivery, self.request)
        if again.is_new:
            messages.success(self.request, "It is delivered again, as a new delivery.")
        else:
            messages.info(self.request, "It waits to be sent for the first time already.")
        return again.delivery


class DeliveryCancel(DeliveryAction):
    def act(self, delivery: Delivery) -> Delivery:
        cancel_one(delivery, self.request)
        messages.success(self.request, "It is cancelled, and not sent any more.")
        return delivery


class EventReplay(EventPage):
    """To each of its webhooks that it can be sent to now; those are counted in the message."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        event = self.event()
        newest = list(deliveries_of(event, self.organization)[:MAX_DELIVERIES])
        count = sum(map(self._is_replayed, newest))
        if count:
            webhooks = "1 webhook" if count == 1 else f"{count} webhooks"
            messages.success(request, f"It is delivered again to {webhooks}.")
        else:
            messages.error(request, "There is no webhook that it can be replayed to now.")
        return HttpResponseRedirect(reverse("event-detail", args=[event.pk]))

    def _is_replayed(self, delivery: Delivery) -> bool:
        try:
            return delivery.can_be_made_again and replay_one(delivery, self.request).is_new
        except ValidationError:  # it was deactivated or sent meanwhile
            return False
