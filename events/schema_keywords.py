"""Where a JSON Schema holds further schemas, and to what of the event they are applied.

The keywords of drafts 4, 6, 7, 2019-09 and 2020-12 together: a keyword that a draft does not know
is counted all the same, which can only overestimate. As nobody has checked the shape of such a
keyword, what has the wrong one is passed over.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
KEPT: Final = ("definitions", "$defs")  # for reference only, applied by nobody

_HERE_LISTS: Final = ("allOf", "anyOf", "oneOf")
_HERE: Final = ("not", "if", "then", "else")
_HERE_MAPS: Final = ("dependentSchemas", "dependencies")


@dataclasses.dataclass(slots=True)
class Members:
    """The schemas for the members of an object, or for the items of an array."""

    named: Mapping[Any, Any] = dataclasses.field(default_factory=dict)
    rest: list[Any] = dataclasses.field(default_factory=list)  # for those not named
    always: list[Any] = dataclasses.field(default_factory=list)

    def __iter__(self) -> Iterator[Any]:
        yield from self.named.values()
        yield from self.rest
        yield from self.always


def mapping(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    """The schemas that stand by name under the keyword."""
    value = schema.get(keyword)
    return value if isinstance(value, dict) else {}


def sequence(schema: dict[str, Any], keyword: str) -> list[Any]:
    """The list under the keyword."""
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


def _present(schema: dict[str, Any], *keywords: str) -> list[Any]:
    return [schema[keyword] for keyword in keywords if isinstance(schema.get(keyword), dict)]


def object_members(schema: dict[str, Any]) -> Members:
    return Members(
        named=mapping(schema, "properties"),
        rest=_present(schema, "additionalProperties", "unevaluatedProperties"),
        always=[
            *mapping(schema, "patternProperties").values(),
            *_present(schema, "propertyNames"),
        ],
    )


def array_items(schema: dict[str, Any]) -> Members:
    return Members(
        named=dict(enumerate(sequence(schema, "items") or sequence(schema, "prefixItems"))),
        rest=_present(schema, "items", "additionalItems", "unevaluatedItems"),
        always=_present(schema, "contains"),
    )


def applied_here(schema: dict[str, Any]) -> list[Any]:
    """The schemas applied to the same place as this one, as often as they are applied."""
    here = [part for keyword in _HERE_LISTS for part in sequence(schema, keyword)]
    here += _present(schema, *_HERE)
    for keyword in _HERE_MAPS:
        here += (part for part in mapping(schema, keyword).values() if isinstance(part, dict))
    if asks_twice(schema):
        here += here
    return here


def asks_twice(schema: dict[str, Any]) -> bool:
    """Whether it asks all that is applied here a second time at which members they looked."""
    return "unevaluatedProperties" in schema or "unevaluatedItems" in schema
