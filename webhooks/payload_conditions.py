"""What a payload filter consists of: conditions that answer yes, no or can not be evaluated.

What they mean is told in webhooks.payload_filter.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

MAX_STEPS = 5_000  # values that are looked at in one event
MAX_PATH = 200  # characters
SHOWN = 100
# From here on a number with a point or an exponent has neighbours that it is the same as.
MAX_FRACTION = 2**53

_NAME = r"(?:[^.\\\0]|\\[.\\$])+"
_PATH = re.compile(rf"(?!\$){_NAME}(?:\.{_NAME})*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Verdict(NamedTuple):
    """`matches` is None when it can not be told; then `reason` says why, in words."""

    matches: bool | None
    reason: str = ""


YES: Final = Verdict(True)
NO: Final = Verdict(False)


class TooMuch(Exception):
    """More values than MAX_STEPS would have to be looked at."""


class Steps:
    """How many values may still be looked at in an event."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def take(self, count: int) -> None:
        """Raises TooMuch."""
        self.left -= count
        if self.left < 0:
            raise TooMuch


Condition = Callable[[Any, Steps], Verdict]


class Path(NamedTuple):
    """The way from an event to values in it; `index` of a name that may be one of an array."""

    names: Sequence[tuple[str, int | None]]
    text: str

    @classmethod
    def parse(cls, text: str) -> "Path | None":
        """None for what is no path."""
        if len(text) > MAX_PATH or not _PATH.fullmatch(text):
            return None
        names = [_ESCAPE.sub(r"\1", name) for name in re.findall(_NAME, text)]
        return cls([(name, _index(name)) for name in names], text)

    def values(self, event: Any, steps: Steps) -> list[Any]:
        """What stands at the path; of arrays on the way every element is followed."""
        found = [event]
        for name, index in self.names:
            following: list[Any] = []
            for value in found:
                _follow(value, name, index, following, steps)
            found = following
        return found

    def leaves(self, event: Any, steps: Steps) -> Iterator[Any]:
        """Likewise, and arrays at its end are taken apart."""
        return _leaves(self.values(event, steps), steps)


def _index(name: str) -> int | None:
    return int(name) if name.isascii() and name.isdecimal() else None


def _follow(value: Any, name: str, index: int | None, into: list[Any], steps: Steps) -> None:
    steps.take(1)
    if isinstance(value, dict):
        if name in value:
            into.append(value[name])
    elif isinstance(value, list):
        if index is not None:
            into.extend(value[index : index + 1])
            return
        steps.take(len(value))
        for element in value:
            _follow(element, name, index, into, steps)


def _leaves(values: Iterable[Any], steps: Steps) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            steps.take(len(value))
            yield from _leaves(value, steps)
        else:
            yield value


def all_of(parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else _joined(parts, ends=False)


def any_of(parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else _joined(parts, ends=True)


def _joined(parts: Sequence[Condition], *, ends: bool) -> Condition:
    """The first part that says `ends` decides, then one that can not be evaluated."""
    otherwise = NO if ends else YES

    def condition(event: Any, steps: Steps) -> Verdict:
        unclear = None
        for part in parts:
            verdict = part(event, steps)
            if verdict.matches is ends:
                return verdict
            if verdict.matches is None:
                unclear = unclear or verdict
        return unclear or otherwise

    return condition


def negated(part: Condition) -> Condition:
    def condition(event: Any, steps: Steps) -> Verdict:
        verdict = part(event, steps)
        if verdict.matches is None:
            return verdict
        return NO if verdict.matches else YES

    return condition


def present(path: Path) -> Condition:
    def condition(event: Any, steps: Steps) -> Verdict:
        return YES if path.values(event, steps) else NO

    return condition


def among(path: Path, wanted: Iterable[Any]) -> Condition:
    keys = frozenset(map(_key, wanted))

    def condition(event: Any, steps: Steps) -> Verdict:
        return YES if any(_key(v) in keys for v in path.leaves(event, steps)) else NO

    return condition


def _key(value: Any) -> tuple[str, Any]:
    """The same for values that are equal in JSON: true is not 1, 1.0 is."""
    kind = kind_of(value)
    return kind, None if kind == OBJECT else value


TEXT, NUMBER, BOOLEAN, NULL, OBJECT = "a text", "a number", "true or false", "null", "an object"


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        return TEXT
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    return NUMBER if isinstance(value, int | float) else OBJECT


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def ordered(path: Path, name: str, bound: str | float) -> Condition:
    """`name` is one of ORDERS."""
    return _compared(path, name, ORDERS[name], bound)


def begins(path: Path, beginning: str) -> Condition:
    return _compared(path, "$startsWith", str.startswith, beginning)


def _compared(
    path: Path, name: str, holds: Callable[[Any, Any], bool], operand: str | float
) -> Condition:
    kind = kind_of(operand)
    shown = path.text if len(path.text) <= SHOWN else f"{path.text[: SHOWN - 1]}…"

    def condition(event: Any, steps: Steps) -> Verdict:
        unclear = None
        for value in path.leaves(event, steps):
            found = kind_of(value)
            if found == kind:
                if holds(value, operand):
                    return YES
            elif found != NULL:
                unclear = Verdict(None, f"{shown} is {found}; {name} needs {kind} here.")
        return unclear or NO

    return condition


def plain_problem(value: object) -> str | None:
    """What is wrong with a value that shall be compared with; None: nothing."""
    if isinstance(value, str):
        return "holds the character NUL" if "\0" in value else None
    if isinstance(value, float):
        if not math.isfinite(value):
            return "is no finite number"
        if abs(value) >= MAX_FRACTION:
            return "is too large for a number with a point or an exponent; write out its digits"
        return None
    if value is None or isinstance(value, int):
        return None
    return "is not a text, a number, true, false or null"
