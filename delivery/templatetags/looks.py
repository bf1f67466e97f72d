from typing import Any

from django import template

from delivery.looks import LOOKS
from delivery.models import State

register = template.Library()


@register.inclusion_tag("includes/badge.html")
def delivery_state(state: str, soft: bool = False) -> dict[str, Any]:
    """The badge of a delivery's state, as the database has it."""
    look = LOOKS[State(state)]
    return {"state": look.tone, "name": look.icon, "word": look.word, "soft": soft}
