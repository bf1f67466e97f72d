"""Which lines of a schema or a sample differ between two versions."""

import difflib
import json
from collections.abc import Iterator
from typing import Any, Final

MOST_LINES: Final = 2_000  # of either side: comparing takes time in proportion to their product

Line = tuple[str, int | None, str]  # "added", "removed" or "same"; number on its side; text


def json_differences(before: Any, after: Any) -> list[Line] | None:
    """All lines of both, those that are the same once; None if that is too much to compare.

    None as JSON is no line at all.
    """
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return None
    return list(_compared(old, new))


def counts(lines: list[Line]) -> tuple[int, int]:
    """How many lines came and went."""
    kinds = [kind for kind, _, _ in lines]
    return kinds.count("added"), kinds.count("removed")


def _compared(old: list[str], new: list[str]) -> Iterator[Line]:
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=True)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            for number in range(new_from, new_to):
                yield "same", number + 1, new[number]
            continue
        for number in range(old_from, old_to):
            yield "removed", number + 1, old[number]
        for number in range(new_from, new_to):
            yield "added", number + 1, new[number]


def _lines(value: Any) -> list[str]:
    return [] if value is None else json.dumps(value, ensure_ascii=False, indent=2).split("\n")
