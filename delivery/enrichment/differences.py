"""Which lines of a payload enrichment adds, for people to see."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

SAME: Final = "same"
ADDED: Final = "added"
REMOVED: Final = "removed"  # it gave way to the lines after it

_NOTHING: Final = ("null", "[]", "{}")


class Line(NamedTuple):
    """`number`: in the enriched payload, from 1; None for a line that is there no more."""

    kind: str
    number: int | None
    text: str


def differences(original: Sequence[str], enriched: Iterable[str]) -> Iterator[Line]:
    """The lines of both payloads, laid out alike (`events.payload_lines`), as one list.

    Enrichment adds members at the end of objects, and in the place of what said nothing; so a
    line of the original is the next one of the enriched payload, or one that is filled there.
    """
    at = 0
    for number, text in enumerate(enriched, 1):
        before = original[at] if at < len(original) else None
        if before is not None and before.rstrip(",") == text.rstrip(","):
            at += 1
            yield Line(SAME, number, text)
        elif before is not None and _is_filled(before, text):
            at += 1
            yield Line(REMOVED, None, before)
            yield Line(ADDED, number, text)
        else:
            yield Line(ADDED, number, text)


def _is_filled(before: str, text: str) -> bool:
    """Whether both are of one member, which had nothing in it before."""
    name, _, value = before.rstrip(",").rpartition(": ")
    return bool(name) and value in _NOTHING and text.startswith(f"{name}: ")
