"""How the tree of a JSON Schema words types, choices and texts. Texts of customers are cut."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from events.schema_keywords import sequence
from events.schema_parts import Parts

MAX_NAME: Final = 100  # characters
MAX_ABOUT: Final = 500
MAX_VALUE: Final = 60
MAX_VALUES: Final = 20

# Would end a line, turn the direction of what follows, or is half a character.
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_COMPLEX: Final = frozenset(
    ("properties", "patternProperties", "required", "additionalProperties", "items", "prefixItems")
) | {"allOf", "anyOf", "oneOf", "not", "if", "$ref"}


def text(value: str, limit: int = MAX_NAME) -> str:
    """In one line, readable and not longer than `limit`."""
    line = _INVISIBLE.sub("\ufffd", " ".join(value[: 2 * limit].split()))
    return line if len(line) <= limit and len(value) <= 2 * limit else f"{line[: limit - 1]}…"


def about_of(parts: Parts) -> str:
    """The first description, else the first title."""
    for keyword in ("description", "title"):
        for schema in parts.schemas:
            value = schema.get(keyword)
            if isinstance(value, str) and value.strip():
                return text(value, MAX_ABOUT)
    return ""


def type_of(parts: Parts) -> str:
    """ "string or null"; inferred where the schema does not say; "any" if nothing is known."""
    if parts.is_impossible:
        return "never"
    names = next((found for schema in parts.schemas if (found := _stated(schema))), None)
    return " or ".join(names or _inferred(parts)) or "any"


def is_simple(member: Any) -> bool:
    """Whether an alternative is told by its type and values alone."""
    return isinstance(member, dict) and not _COMPLEX & member.keys()


def notes_of(parts: Parts) -> list[str]:
    """What else is worth knowing, a short sentence each."""
    notes = [note for schema in parts.schemas for note in _notes(schema)]
    for _, members in parts.alternatives:
        if all(is_simple(member) for member in members):
            notes += [note for member in members[:MAX_VALUES] for note in _notes(member)]
    if parts.is_closed:
        notes.append("No other fields")
    notes += [f"Repeats {text(reference)}" for reference in parts.repeated[:3]]
    notes += [f"As defined at {text(reference)}" for reference in parts.unknown[:3]]
    if parts.has_conditions:
        notes.append("Further conditions in the JSON Schema")
    return list(dict.fromkeys(notes))[:MAX_VALUES]


def _stated(schema: dict[str, Any]) -> list[str]:
    stated = schema.get("type")
    names = stated[:20] if isinstance(stated, list) else [stated]
    return [name for name in _TYPES if name in names]


def _inferred(parts: Parts) -> list[str]:
    if parts.properties or parts.patterns or parts.rest:
        return ["object"]
    if parts.items or parts.places:
        return ["array"]
    found = set(_types_of_values(value for schema in parts.schemas for value in _values(schema)))
    for _, members in parts.alternatives:
        if all(is_simple(member) for member in members):
            for member in members[:MAX_VALUES]:
                found |= {*_stated(member), *_types_of_values(_values(member))}
    return [name for name in _TYPES if name in found]


def _values(schema: dict[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else sequence(schema, "enum")[:1_000]


def _types_of_values(values: Iterable[Any]) -> Iterable[str]:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
    for value in values:
        yield kinds.get(type(value), "null" if value is None else "number")


def _notes(schema: dict[str, Any]) -> Iterable[str]:
    if "const" in schema:
        yield f"Always {_value(schema['const'])}"
    elif values := sequence(schema, "enum"):
        shown = ", ".join(_value(value) for value in values[:MAX_VALUES])
        rest = len(values) - MAX_VALUES
        yield f"One of {shown}" + (f" and {rest:,} more" if rest > 0 else "")
    for keyword, words in (("format", "Format"), ("pattern", "Pattern")):
        if isinstance(value := schema.get(keyword), str):
            yield f"{words} {text(value, MAX_VALUE)}"
    low, high = (_bound(schema, keyword) for keyword in ("minimum", "maximum"))
    if low or high:
        yield (
            f"From {low} to {high}"
            if low and high
            else f"{low} or more"
            if low
            else f"{high} or less"
        )
    if "default" in schema:
        yield f"{_value(schema['default'])} if left out"


def _bound(schema: dict[str, Any], keyword: str) -> str:
    value = schema.get(keyword)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _value(value) if is_number else ""


def _value(value: Any) -> str:
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**MAX_VALUE:
        return "a very large number"
    return text(value if isinstance(value, str) else json.dumps(value), MAX_VALUE)
