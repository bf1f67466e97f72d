"""JSON text that is added to where it stands, so that all else of it stays byte for byte.

A payload is not written anew: its places are found in the text, and only what is added is made.
That is also several times faster. The text is JSON that was checked when it came in.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from events.strict_json import dumps

_decode = json.JSONDecoder().raw_decode  # the value that begins at a place, and where it ends
_KEY: Final = re.compile(r'[ \t\r\n]*,?[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*:[ \t\r\n]*')
_EMPTY: Final = re.compile(r"\{[ \t\r\n]*\}")
_DATA: Final = re.compile(r'"data"[ \t\r\n]*:[ \t\r\n]*(?=\{)')


class Place(NamedTuple):
    """An object and where it stands: `text[start:end]`, with its brackets."""

    value: dict[str, Any]
    start: int
    end: int


class Edit(NamedTuple):
    """`text` in the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def members(text: str, start: int) -> Iterator[tuple[str, Any, int, int]]:
    """Key, value, and the value's start and end, of the object that begins at `start`.

    Raises ValueError for a value that is none.
    """
    key = _KEY.match(text, start + 1)
    while key is not None:
        name = key[1][1:-1] if "\\" not in key[1] else json.loads(key[1])
        value, end = _decode(text, key.end())
        yield name, value, key.end(), end
        key = _KEY.match(text, end)


def data_of(text: str) -> Place | None:
    """The event's `data`; None if there is none that is an object. Raises as `members`."""
    start = text.index("{")
    first = _DATA.search(text)
    if first is None:
        return None
    # With no other object before it, it is a member of the outermost.
    if _is_key(text, first.start()) and text.find("{", start + 1, first.start()) < 0:
        value, end = _decode(text, first.end())
        return Place(value, first.end(), end)
    for key, value, at, end in members(text, start):
        if key == "data" and isinstance(value, dict):
            return Place(value, at, end)
    return None


def objects_of(text: str, within: Place, key: re.Pattern[str]) -> Iterator[tuple[str, Place]]:
    """Name and place of each object below `within` whose key matches. See `key_of`."""
    for found in key.finditer(text, within.start, within.end):
        if _is_key(text, found.start()):
            value, end = _decode(text, found.end())
            yield found[1], Place(value, found.end(), end)


def key_of(names: Iterable[str]) -> re.Pattern[str]:
    """Matches one of the names as the key of an object, up to where the object begins.

    Inside of a string a quote has a backslash before it, so only a key can be matched whole.
    """
    listed = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf'"({listed})"[ \t\r\n]*:[ \t\r\n]*(?=\{{)')


def _is_key(text: str, at: int) -> bool:
    """Whether the quote there begins a key, and is not a part of a longer one."""
    before = text[at - 1]
    if before in " \t\r\n":
        before = text[:at].rstrip(" \t\r\n")[-1:]
    return before in "{,"


def members_beside(text: str, place: Place) -> dict[str, Any]:
    """The outermost object, with 0 in that place, which is not read again."""
    outermost: dict[str, Any] = json.loads(f"{text[: place.start]}0{text[place.end :]}")
    return outermost


def filling(text: str, place: Place, additions: Mapping[str, Any]) -> Iterator[Edit]:
    """What puts into an object what it has not yet. `null` and `[]` are nothing.

    Of the place's value only the members that might be added need be there.
    """
    there = place.value
    missing = {key: value for key, value in additions.items() if key not in there}
    if missing:
        last = place.end - 1
        comma = "" if _EMPTY.match(text, place.start) else ","
        yield Edit(last, last, comma + dumps(missing)[1:-1])
    if len(missing) == len(additions):
        return
    for key, value, start, end in members(text, place.start):
        if key not in additions or value == additions[key]:
            continue
        if value is None or value == []:
            yield Edit(start, end, dumps(additions[key]))
        elif isinstance(value, dict) and isinstance(additions[key], dict):
            yield from filling(text, Place(value, start, end), additions[key])


def edited(text: str, edits: list[Edit]) -> str:
    """The text after edits of which none lies in another."""
    pieces: list[str] = []
    at = 0
    for start, end, piece in sorted(edits):
        pieces += (text[at:start], piece)
        at = end
    pieces.append(text[at:])
    return "".join(pieces)
