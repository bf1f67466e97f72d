"""What one schema costs by itself, wherever it is applied, at worst.

A unit is 25 ns on the machine on which jsonschema-rs was measured, keyword by keyword with the
values that it is slowest with: fractions and wide numbers in comparisons, patterns whose automaton
does not fit its cache.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

from events.schema_keywords import applied_here, mapping
from events.schema_patterns import compiled_pattern

_SCHEMA: Final = 1
_KEYWORD: Final = 2
_PART: Final = 4  # an alternative, a condition
_MEMBER: Final = 2  # looked up for each member of an object or array
_METASCHEMA: Final = 20  # lists of unique items: it is applied to everything below
_BOUND: Final = 40  # comparing numbers
_FRACTION: Final = 200
_SMALL_PROGRAM: Final = 18  # instructions of RE2: an automaton that is built once and stays
# From the beginning one kind of character after another, in fixed numbers but for the last: at
# each character there is one place in the pattern where it can stand, so the automaton is small.
_KIND: Final = r"(?:\[[^\]\\\[]+\]|\\[dws.+*?/-]|[\w :@,;=#%&/-])"
_CHAIN: Final = re.compile(rf"\^(?:{_KIND}(?:\{{\d+\}})?)*(?:{_KIND}(?:[*+]|\{{\d+,\d*\}}))?\$?")
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_NUMERIC: Final = frozenset({*_BOUNDS, "multipleOf", "const", "enum", "uniqueItems"})
_NAMES: Final = ("required", "dependencies", "dependentRequired", "dependentSchemas")
_SUBTREE: Final = 12  # of uniqueItems, for each value below


@dataclass(frozen=True, slots=True)
class Cost:
    """In units: for each value, and for each character of a text, that the schema is applied to;
    for each member, and for each character of its name. `unique`: how many lists of unique items it
    is as costly as. `is_numeric`: whether it looks at numbers closer than at their type."""

    value: int
    character: int
    member: int
    name: int
    unique: int
    is_numeric: bool


def cost_of(schema: dict[str, Any], *, is_metaschema: bool) -> Cost:
    """Without the schemas that it holds. Raises SchemaError for a pattern that is not usable."""
    value = _SCHEMA + _KEYWORD * len(schema) + _PART * len(applied_here(schema))
    value += below_unique(is_metaschema * _METASCHEMA)
    value += sum(_bound(schema[word]) for word in _BOUNDS if word in schema)
    value += _multiple(schema.get("multipleOf"))
    value += _equal(schema.get("const")) + _equal(schema.get("enum"))
    value += sum(_names(schema.get(word)) for word in _NAMES)
    own = schema.get("pattern")
    patterns = [_pattern(name) for name in mapping(schema, "patternProperties")]
    again = 2 if {"additionalProperties", "unevaluatedProperties"} & schema.keys() else 1
    return Cost(
        value=value,
        character=_pattern(own) if isinstance(own, str) else 0,
        member=_MEMBER + _PART * len(patterns) * again,
        name=sum(patterns) * again,
        unique=(schema.get("uniqueItems") is True) + is_metaschema * _METASCHEMA,
        is_numeric=is_metaschema or not _NUMERIC.isdisjoint(schema),
    )


def below_unique(count: int) -> int:
    """What each value below `count` lists of unique items costs for them."""
    return _SUBTREE * count


def wide(number: float) -> int:
    """How many common numbers one weighs: those beyond machine words are compared digit by digit,
    extreme fractions as the quotients that they are."""
    if isinstance(number, int):
        return 1 + number.bit_length() // 4
    return 100


def _pattern(pattern: str) -> int:
    """Each character may find the automaton too large to be kept: it is followed state by state."""
    size = int(compiled_pattern(pattern).programsize)
    if _CHAIN.fullmatch(pattern):
        return 2
    return 2 if size <= _SMALL_PROGRAM else 3 * size


def _bound(value: Any) -> int:
    return _number(value, _BOUND)


def _number(value: Any, plain: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    if isinstance(value, float) and not value.is_integer():
        return _FRACTION
    return plain + (value.bit_length() // 4 if isinstance(value, int) else _FRACTION)


def _multiple(value: Any) -> int:
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        return 4 * _BOUND if 1e-9 <= value <= 1e9 else 50 * _BOUND
    return 3 * _number(value, _BOUND)


def _equal(value: Any) -> int:
    """Comparing with a value of the schema goes no further than that value."""
    total = 0
    waiting = [value]
    for item in waiting:  # grows while it is walked
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        total += 12 if isinstance(item, dict | list) else _number(item, _BOUND) or 1
    return total


def _names(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(len(names) for names in value.values() if isinstance(names, list))
    return len(value) if isinstance(value, list) else 0
