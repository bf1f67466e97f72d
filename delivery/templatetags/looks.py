import functools
from urllib.parse import urlencode

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from delivery.looks import LOOKS
from delivery.models import FAILED, State
from delivery.pages.log_search import DAY
from webhooks.models import Webhook

register = template.Library()


@register.simple_tag
def delivery_state(state: str, soft: bool = False) -> SafeString:
    """The badge of a delivery's state, as the database has it."""
    return _badge(state, soft)


@functools.cache  # a log has one in each of its rows
def _badge(state: str, soft: bool) -> SafeString:
    look = LOOKS[State(state)]
    badge = {"state": look.tone, "name": look.icon, "word": look.word, "soft": soft}
    return render_to_string("includes/badge.html", badge)


@register.simple_tag
def failed_deliveries(webhook: Webhook, *, of_last_day: bool = False) -> str:
    """The address of a webhook's log, narrowed to what was not delivered in the end."""
    asked = {"status": ",".join(FAILED), **({"period": DAY} if of_last_day else {})}
    path = reverse("webhook-detail", args=[webhook.public_id])
    return f"{path}?{urlencode(asked)}#details"
