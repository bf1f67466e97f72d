from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from delivery import reasons
from delivery.looks import LOOKS
from delivery.models import FAILED, Delivery, State
from delivery.pages.log_search import DAY
from organizations.badges import badge
from organizations.queries import query_of
from webhooks.models import Webhook

register = template.Library()


@register.simple_tag
def delivery_state(state: str, soft: bool = False) -> SafeString:
    """The badge of a delivery's state, as the database has it."""
    return badge(*LOOKS[State(state)], soft=soft)


@register.simple_tag
def last_answer(delivery: Delivery) -> str:
    """Of the attempt that ended last; "" before the first one did."""
    return reasons.brief(delivery.last_status, delivery.last_error, delivery.last_duration_ms)


@register.simple_tag
def failed_deliveries(webhook: Webhook, *, of_last_day: bool = False) -> str:
    """The address of a webhook's log, narrowed to what was not delivered in the end."""
    asked = {"status": ",".join(FAILED), "period": DAY if of_last_day else ""}
    path = reverse("webhook-detail", args=[webhook.public_id])
    return f"{path}?{query_of(asked)}#details"
