r"""Which events a webhook wants, told by what is in them.

A filter is a JSON object of conditions on paths into the event, all of which have to hold:

    {"data.amount": {"$gte": 1000}, "data.billType": "REGULAR"}

A plain value is short for {"$eq": value}. Several operators at one path have to hold all.

    $eq $ne                 is, is not, this text, number, true, false or null
    $in $nin                is, is not, one of these (an array)
    $gt $gte $lt $lte       in the order of numbers, or of texts by code point
    $startsWith             is a text that begins so
    $exists                 true: there is something, null too; false: there is nothing
    $not                    at a path: not {operators}; in a filter's place: not {filter}
    $and $or                all, any of an array of filters

Paths begin at the event itself: `data.amount`, `eventName`. Between dots stand keys; a backslash
takes the dot, backslash or dollar sign after it as part of the key. An array stands for its
elements, and theirs: a condition holds if it holds for any of them (`$ne` and `$nin`, if `$eq`
and `$in` hold for none). A number in a path means that element of an array, from 0.

- Where there is nothing at the path, nothing holds but `$ne`, `$nin` and `{"$exists": false}`.
- Values of different types are not equal: "1" is not 1, true is not 1. Numbers are compared
  exactly, 1 is 1.0. An object is equal to nothing.
- null is equal to null alone, and neither greater nor less than anything.
- To order something that is of another type than the bound, or to look for the beginning of what
  is no text, can not be evaluated; unless another element of an array decides.
- What can not be evaluated stays so under `$not`; under `$and` and `$or` it does so unless the
  others decide. An event in which more than MAX_STEPS values would have to be looked at can not
  be evaluated either.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError

from webhooks.payload_conditions import (
    MAX_STEPS,
    NO,
    ORDERS,
    Condition,
    Path,
    Steps,
    TooMuch,
    Verdict,
    all_of,
    among,
    any_of,
    begins,
    negated,
    ordered,
    plain_problem,
    present,
)

MAX_BYTES = 16 * 1024
MAX_CONDITIONS = 100
MAX_DEPTH = 8  # of $and, $or and $not
MAX_VALUES = 1_000  # in all arrays of $in and $nin
MAX_PROBLEMS = 20
MAX_REASON = 200
MAX_PLACE = 150
REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood, or one that is known not to be usable."""

    condition: Condition

    def match(self, event: Mapping[str, Any]) -> Verdict:
        """Whether it wants the event, which is the whole envelope. Raises nothing."""
        try:
            return self.condition(event, Steps())
        except TooMuch:
            return Verdict(None, f"More than {MAX_STEPS:,} values would have to be looked at.")


def parse(value: object) -> Filter:
    """Raises ValidationError with what is wrong, each with its place in the filter.

    The codes are filter_invalid, and filter_too_large for what would cost too much.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise ValidationError("The filter is not JSON.", "filter_invalid") from None
    if len(text) > MAX_BYTES:
        message = f"The filter has more than {MAX_BYTES // 1024} KB."
        raise ValidationError(message, "filter_too_large")
    parser = _Parser()
    condition = parser.filter(value, "", 0)
    if parser.problems:
        raise ValidationError(parser.problems)
    return Filter(condition)


@lru_cache(REMEMBERED)
def compiled(text: str) -> Filter:
    """Of the JSON in a webhook's row. Raises nothing: one that is not usable, because it was
    written by an older version or by hand, can not be evaluated for any event."""
    try:
        return parse(json.loads(text))
    except ValidationError as error:
        reason = f"The webhook's filter is not usable: {error.messages[0]}"
    except (ValueError, RecursionError):
        reason = "The webhook's filter is not usable: it is not JSON."
    verdict = Verdict(None, reason[:MAX_REASON])
    return Filter(lambda _event, _steps: verdict)


def _refused(_event: Any, _steps: Steps) -> Verdict:
    """In the place of a part with a problem; the whole filter is refused then."""
    return NO


class _Parser:
    """Makes conditions, and notes in `problems` what is wrong; then they are not to be used."""

    def __init__(self) -> None:
        self.problems: list[ValidationError] = []
        self._conditions = 0
        self._values = 0

    def filter(self, value: object, at: str, depth: int) -> Condition:
        if not isinstance(value, dict):
            return self._wrong(at, "is no object of conditions")
        if not value and depth:
            return self._wrong(at, "has no condition")
        if depth > MAX_DEPTH:
            return self._too_deep(at)
        return all_of([self._entry(key, value[key], at, depth) for key in value])

    def _entry(self, key: object, value: object, before: str, depth: int) -> Condition:
        at = f"{before}.{key}" if before else str(key)
        if key in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                return self._wrong(at, "is no array of filters")
            parts = [self.filter(v, f"{at}[{n}]", depth + 1) for n, v in enumerate(value)]
            return all_of(parts) if key == "$and" else any_of(parts)
        if key == "$not":
            return negated(self.filter(value, at, depth + 1))
        path = Path.parse(key) if isinstance(key, str) else None
        if path is None:
            return self._wrong(at, "is no path into an event, nor one of $and, $or, $not")
        return self._at_path(path, value, at, depth)

    def _at_path(self, path: Path, value: object, at: str, depth: int) -> Condition:
        if not isinstance(value, dict):
            return self._operator(path, "$eq", value, at)
        if not value:
            return self._wrong(at, "has no operator")
        if depth > MAX_DEPTH:
            return self._too_deep(at)
        return all_of(
            [
                self._operator(path, name, value[name], f"{at}.{name}")
                if name != "$not"
                else self._not_at_path(path, value[name], f"{at}.$not", depth + 1)
                for name in value
            ]
        )

    def _not_at_path(self, path: Path, value: object, at: str, depth: int) -> Condition:
        if not isinstance(value, dict):
            return self._wrong(at, "is no object of operators")
        return negated(self._at_path(path, value, at, depth))

    def _operator(self, path: Path, name: object, operand: Any, at: str) -> Condition:
        make = OPERATORS.get(name) if isinstance(name, str) else None
        if make is None:
            return self._wrong(at, f"is no operator; use {', '.join(OPERATORS)}, $not")
        self._conditions += 1
        if name in ("$in", "$nin") and isinstance(operand, list):
            self._values += len(operand)
        if self._conditions > MAX_CONDITIONS or self._values > MAX_VALUES:
            message = f"goes beyond {MAX_CONDITIONS} conditions or {MAX_VALUES:,} values"
            return self._wrong(at, message, "filter_too_large")
        problem, condition = make(path, operand)
        return condition if problem is None else self._wrong(at, problem)

    def _too_deep(self, at: str) -> Condition:
        return self._wrong(at, f"is nested more than {MAX_DEPTH} deep", "filter_too_large")

    def _wrong(self, at: str, message: str, code: str = "filter_invalid") -> Condition:
        if len(self.problems) < MAX_PROBLEMS:
            place = at if len(at) <= MAX_PLACE else f"{at[: MAX_PLACE - 1]}…"
            self.problems.append(ValidationError(f"{place or 'The filter'} {message}.", code))
        return _refused


# What is wrong with an operand (None: nothing), and the condition that it makes.
Made = tuple[str | None, Condition]


def _eq(path: Path, operand: Any) -> Made:
    problem = plain_problem(operand)
    return problem, _refused if problem else among(path, [operand])


def _in(path: Path, operand: Any) -> Made:
    if not isinstance(operand, list):
        return "is no array", _refused
    problem = next(filter(None, map(plain_problem, operand)), None)
    return problem and f"has an element that {problem}", _refused if problem else among(
        path, operand
    )


def _exists(path: Path, operand: Any) -> Made:
    if not isinstance(operand, bool):
        return "is not true or false", _refused
    return None, present(path) if operand else negated(present(path))


def _starts_with(path: Path, operand: Any) -> Made:
    if not isinstance(operand, str):
        return "is no text", _refused
    return plain_problem(operand), begins(path, operand)


def _order(name: str) -> Callable[[Path, Any], Made]:
    def make(path: Path, operand: Any) -> Made:
        if isinstance(operand, bool) or not isinstance(operand, str | int | float):
            return "is no number or text", _refused
        return plain_problem(operand), ordered(path, name, operand)

    return make


def _none_of(make: Callable[[Path, Any], Made]) -> Callable[[Path, Any], Made]:
    def make_negated(path: Path, operand: Any) -> Made:
        problem, condition = make(path, operand)
        return problem, negated(condition)

    return make_negated


OPERATORS: Mapping[str, Callable[[Path, Any], Made]] = {
    "$eq": _eq,
    "$ne": _none_of(_eq),
    "$in": _in,
    "$nin": _none_of(_in),
    **{name: _order(name) for name in ORDERS},
    "$startsWith": _starts_with,
    "$exists": _exists,
}
