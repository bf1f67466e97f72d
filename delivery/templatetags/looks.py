import functools

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from delivery.looks import LOOKS
from delivery.models import State

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
