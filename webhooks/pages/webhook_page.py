from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from organizations.pages.page import Page
from webhooks.models import Webhook


class WebhookPage(Page):
    """A page about the webhook that its address names."""

    section = "notifications"

    def own(self, webhooks: QuerySet[Webhook]) -> Webhook:
        """The one among `webhooks`. Raises Http404."""
        own = webhooks.filter(organization=self.organization)
        return get_object_or_404(own, public_id=self.kwargs["public_id"])
