from typing import Any

from django_filters import rest_framework as filters

from webhooks.models import Webhook, WebhookQuerySet

TRUE_OR_FALSE = (("true", "true"), ("false", "false"))


class WebhookFilter(filters.FilterSet):  # type: ignore[misc]  # the library has no types
    name = filters.CharFilter(help_text="The whole name.")
    active = filters.ChoiceFilter(choices=TRUE_OR_FALSE, method="by_activity")
    eventName = filters.CharFilter(
        field_name="subscriptions__event_name", help_text="Subscribed to it."
    )

    class Meta:
        model = Webhook
        fields: list[str] = []

    def by_activity(self, rows: WebhookQuerySet, _name: str, value: Any) -> WebhookQuerySet:
        return rows.filter(deactivated_at__isnull=value == "true")
