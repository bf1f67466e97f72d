"""States as people see them: an icon, a word and a colour."""

import functools

from django.template.loader import render_to_string
from django.utils.safestring import SafeString


@functools.cache  # a list has one in each of its rows
def badge(tone: str, icon: str, word: str, *, soft: bool = False) -> SafeString:
    """`tone` is one of ok, waiting, failing, off; `icon` a sign of static/icons.svg.

    For few, fixed words: each is kept.
    """
    shown = {"state": tone, "name": icon, "word": word, "soft": soft}
    return render_to_string("includes/badge.html", shown)
