"""What a JSON Schema says of one place, summed up over `allOf` and `$ref`, for people to read.

Nothing is believed of the schema: a keyword of the wrong shape is passed over.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from events.schema_keywords import mapping, sequence

CONDITIONS: Final = (
    *("not", "if", "dependencies", "dependentSchemas", "dependentRequired"),
    *("contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"),
)
MAX_WORK: Final = 200_000  # parts and names looked at for one tree


class Budget:
    """What one tree may still cost; a schema can be written so that it would cost years."""

    def __init__(self, work: int = MAX_WORK) -> None:
        self._left = work

    @property
    def is_spent(self) -> bool:
        return self._left <= 0

    def spend(self, work: int) -> None:
        self._left -= work


@dataclass(slots=True)
class Parts:
    """`within` are the ids of the schemas summed up here and on the way here."""

    schemas: list[dict[str, Any]] = field(default_factory=list)
    within: frozenset[int] = frozenset()
    properties: dict[str, list[Any]] = field(default_factory=dict)
    patterns: dict[str, list[Any]] = field(default_factory=dict)
    rest: list[Any] = field(default_factory=list)  # for members not named
    required: set[str] = field(default_factory=set)
    items: list[Any] = field(default_factory=list)
    places: list[Any] = field(default_factory=list)  # of an array, one by one
    alternatives: list[tuple[str, list[Any]]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)  # references into what is around
    unknown: list[str] = field(default_factory=list)  # references that lead elsewhere
    is_closed: bool = False
    is_impossible: bool = False
    has_conditions: bool = False


def parts_of(
    document: Any, schemas: Iterable[Any], within: frozenset[int], budget: Budget
) -> Parts:
    """The sum of `schemas`, all of which hold for the same place of an event."""
    parts, waiting, seen = Parts(), list(schemas)[::-1], set[int]()
    while waiting and not budget.is_spent:
        schema = waiting.pop()
        budget.spend(1)
        parts.is_impossible |= schema is False
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        _add(parts, schema, budget)
        waiting += reversed([*_referred(document, schema, within | seen, parts), *_all_of(schema)])
    parts.within = within | seen
    return parts


def _all_of(schema: dict[str, Any]) -> list[Any]:
    return sequence(schema, "allOf")


def _referred(
    document: Any, schema: dict[str, Any], within: frozenset[int], parts: Parts
) -> list[Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return []
    target = _target(document, reference)
    if target is None:
        parts.unknown.append(reference)
    elif id(target) in within:
        parts.repeated.append(reference)
    else:
        return [target]
    return []


def _target(document: Any, reference: str) -> dict[str, Any] | None:
    """What a JSON pointer into the same document (RFC 6901) leads to; None for anything else."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    place = document
    for step in unquote(reference).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict):
            place = place.get(name)
        elif isinstance(place, list) and name.isdecimal() and len(name) < 6:
            place = next(itertools.islice(place, int(name), None), None)
        else:
            return None
    return place if isinstance(place, dict) else None


def _add(parts: Parts, schema: dict[str, Any], budget: Budget) -> None:
    parts.schemas.append(schema)
    for kept, keyword in ((parts.properties, "properties"), (parts.patterns, "patternProperties")):
        members = mapping(schema, keyword)
        budget.spend(len(members))
        for name, member in members.items():
            kept.setdefault(name, []).append(member)
    required = [name for name in sequence(schema, "required") if isinstance(name, str)]
    budget.spend(len(required))
    parts.required |= set(required)
    rest = schema.get("additionalProperties")
    parts.is_closed |= rest is False
    if isinstance(rest, dict) and rest:
        parts.rest.append(rest)
    if isinstance(schema.get("items"), dict):
        parts.items.append(schema["items"])
    budget.spend(len(parts.places))
    parts.places = parts.places or sequence(schema, "prefixItems") or sequence(schema, "items")
    for keyword in ("oneOf", "anyOf"):
        if members_here := sequence(schema, keyword):
            budget.spend(len(members_here))
            parts.alternatives.append((keyword, members_here))
    parts.has_conditions |= any(keyword in schema for keyword in CONDITIONS)
