"""A payload filter as people read and type it."""

import json
from typing import Any

from django.core.exceptions import ValidationError

from events.strict_json import StrictJSONError, loads

MAX_TYPED = 100_000  # characters; indented, a filter is longer than it counts


def filter_text(value: Any) -> str:
    """Indented JSON; "" where there is no filter."""
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)


def typed_filter(text: str) -> Any:
    """What the text says, which need not be a filter yet. None: there is no filter.

    Raises ValidationError, with line and column where it is not JSON.
    """
    if not text.strip():
        return None
    if len(text) > MAX_TYPED:
        raise ValidationError(f"At most {MAX_TYPED:,} characters.", "filter_too_large")
    try:
        return loads(text.encode("utf-8", "replace"))
    except StrictJSONError as problem:
        message = problem.message.replace("The body is not JSON", "This is not JSON")
        at = f"{problem.path}: " if problem.path else ""
        raise ValidationError(f"{at}{message}", "filter_invalid") from None
