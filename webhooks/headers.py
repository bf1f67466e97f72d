"""A webhook's own headers: which are possible, and how their values are hidden.

Names are tokens of RFC 9110 (section 5.6.2), values visible ASCII with spaces and tabs
(section 5.5). Framing, routing and the signature are the service's own.
"""

import re
from collections.abc import Iterator, Sequence

from django.core.exceptions import ValidationError

from organizations.encryption import Unreadable

Headers = list[tuple[str, str]]

MAX_HEADERS = 50
MAX_NAME = 200
MAX_VALUE_BYTES = 4096
MASK = "••••"
CLEAR_CHARACTERS = 4
MAX_HIDDEN_CHARACTERS = 8  # a value this short is masked whole

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_RESERVED = re.compile(
    r"connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade"
    r"|proxy-.*|webhook-.*",
    re.IGNORECASE,
)
_HARMLESS = frozenset(
    {"accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"}
)


def tidied(headers: Headers) -> Headers:
    """Without the rows that are empty, and without the space around values, which HTTP drops."""
    stripped = [(name, _stripped(value)) for name, value in headers]
    return [(name, value) for name, value in stripped if name or value]


def _stripped(value: str) -> str:
    return value if isinstance(value, Unreadable) else value.strip(" \t")


def problems(headers: Headers) -> Iterator[tuple[str, ValidationError]]:
    """Every broken rule, with the header's name ("" for the headers as a whole).

    Values stay out of the messages: they may be credentials.
    """
    if len(headers) > MAX_HEADERS:
        yield "", ValidationError(f"At most {MAX_HEADERS} headers.", "headers_too_many")
        return
    seen = set()
    for name, value in headers:
        yield from ((name, problem) for problem in _problems_of(name, value))
        if name.lower() in seen:
            yield name, ValidationError("The header is repeated.", "header_repeated")
        seen.add(name.lower())


def _problems_of(name: str, value: str) -> Iterator[ValidationError]:
    if not _TOKEN.fullmatch(name) or len(name) > MAX_NAME:
        message = f"A header's name is a token of RFC 9110, at most {MAX_NAME} characters."
        yield ValidationError(message, "header_name_invalid")
    elif _RESERVED.fullmatch(name):
        yield ValidationError("The header is set by the service.", "header_name_reserved")
    if isinstance(value, Unreadable):
        return  # it stays as it is stored
    if value.endswith(MASK):
        message = "The mask stands for no stored value; give the value itself."
        yield ValidationError(message, "header_mask_unmatched")
    elif not _VALUE.fullmatch(value):
        message = "A header's value is visible ASCII, space and tab."
        yield ValidationError(message, "header_value_invalid")
    elif len(value) > MAX_VALUE_BYTES:
        message = f"A header's value has at most {MAX_VALUE_BYTES} bytes."
        yield ValidationError(message, "header_value_invalid")


def masked(name: str, value: str) -> str:
    """What a caller without Write sees: harmless headers whole, of the others the beginning."""
    if name.lower() in _HARMLESS or not value:
        return value
    return (value[:CLEAR_CHARACTERS] if len(value) > MAX_HIDDEN_CHARACTERS else "") + MASK


def hidden(name: str, value: str) -> str:
    """What a page shows before it is asked for the value: nothing of it, unless harmless."""
    return value if masked(name, value) == value else MASK


def unmasked(headers: Headers, stored: Sequence[tuple[str, str]]) -> Headers:
    """With the stored value wherever its mask, whole or with a beginning, was sent back."""
    known = {name.lower(): value for name, value in stored}

    def value_of(name: str, value: str) -> str:
        old = known.get(name.lower())
        if old is None or value not in (masked(name, old), hidden(name, old)):
            return value
        return old

    return [(name, value_of(name, value)) for name, value in headers]
