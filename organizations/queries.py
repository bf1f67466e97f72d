"""Queries of addresses."""

from collections.abc import Mapping
from urllib.parse import urlencode


def query_of(chosen: Mapping[str, object]) -> str:
    """Encoded, without "?" and without what is empty."""
    return urlencode({name: value for name, value in chosen.items() if value})
