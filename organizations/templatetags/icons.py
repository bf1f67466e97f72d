"""`{% icon "check" %}`: one of the signs in static/icons.svg, 16 pixels unless told otherwise."""

import functools

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
@functools.cache  # a list shows hundreds
def icon(name: str, size_px: int = 16) -> SafeString:
    """Decoration only: the word beside it says what it means."""
    return format_html(
        '<svg width="{0}" height="{0}" aria-hidden="true"><use href="{1}#{2}"/></svg>',
        size_px,
        static("icons.svg"),
        name,
    )
