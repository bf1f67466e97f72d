"""Patterns of schemas, on RE2: time in proportion to the text, whatever the pattern."""

import functools
from typing import Any

import re2


class PatternError(ValueError):
    """RE2 does not know it: look-around and back references, or it is wrong or too large."""


@functools.lru_cache(maxsize=2_048)
def compiled_pattern(pattern: str) -> Any:
    """The pattern for RE2. Raises PatternError."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1024 * 1024
    try:
        return re2.compile(pattern, options)
    except (re2.error, ValueError):
        raise PatternError(
            f"The pattern {shortened(pattern)} can not be used: it is wrong, too large, or needs "
            "look-around or back references."
        ) from None


def shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
