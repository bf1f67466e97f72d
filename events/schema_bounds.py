"""How much work a JSON Schema can cause: what is too much is refused before it ever runs.

Schemas of custom event types are written by customers. A few hundred bytes of `$ref`s that
double, or of nested `unevaluatedProperties`, keep a processor busy for years, and a schema that
refers to itself at the same place never ends. Nothing here validates an event.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from events.schema_costs import Cost, cost_of
from events.schema_keywords import (
    KEPT,
    REFERENCES,
    Members,
    applied_here,
    array_items,
    asks_twice,
    mapping,
    object_members,
)
from events.schema_patterns import PatternError, compiled_pattern, shortened
from events.schema_work import MAX_CHAIN, Endless, Places, TooMuch, WorkTable

MAX_SCHEMA_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 64
# Compiling takes some 40 µs of each, and the first event of a process waits for it. The largest
# standard type has 281.
MAX_SUBSCHEMAS: Final = 1_000
MAX_PATTERNS: Final = 200
MAX_PROGRAMS: Final = 20_000  # instructions of all patterns together


class SchemaError(ValueError):
    """The schema is wrong or would cost too much; the message is meant for its author."""


def schema_text(schema: Mapping[str, Any]) -> str:
    """The schema as JSON text. Raises SchemaError if it is no JSON, too large or too deep."""
    _check_shape(schema)
    try:
        text = json.dumps(dict(schema), ensure_ascii=False, separators=(",", ":"))
        size = len(text.encode())
    except ValueError:
        raise SchemaError("The schema holds half a character or a number too long.") from None
    if size > MAX_SCHEMA_BYTES:
        raise SchemaError(f"The schema is larger than {MAX_SCHEMA_BYTES // 1024} KiB.")
    return text


def _check_shape(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON tree, before anything recursive touches it."""
    waiting: list[tuple[Any, int]] = [(dict(schema), 1)]
    for _ in range(MAX_SCHEMA_BYTES):  # each value is at least a byte of text
        if not waiting:
            return
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise SchemaError(f"The schema is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise SchemaError("The names in a schema must be strings.")
            waiting += ((member, depth + 1) for member in value.values())
        elif isinstance(value, list):
            waiting += ((member, depth + 1) for member in value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise SchemaError("NaN and Infinity are not JSON.")
        elif not (value is None or isinstance(value, str | int | float)):
            raise SchemaError(f"A {type(value).__name__} is not JSON.")
    raise SchemaError(f"The schema is larger than {MAX_SCHEMA_BYTES // 1024} KiB.")


class Bounds:
    """The subschemas of one resolved document, and what applying them costs."""

    def __init__(self, schema: dict[str, Any], dialect: str) -> None:
        """`schema` is valid after its metaschema, `dialect` the address of that, without `#`."""
        self._dialect = dialect
        resource = Resource.from_contents(schema, default_specification=specification_with(dialect))
        base = resource.id() or ""
        self._base = base
        self._registry = Registry().with_resource(base, resource)
        self._resolver = self._registry.resolver(base)
        self.has_plain_references = True  # of the form `#/…`, which need no search
        self._root = schema
        self._seen: set[int] = set()
        self._programs: dict[str, int] = {}
        self._costs: dict[int, Cost] = {}
        self._here: dict[int, list[dict[str, Any]]] = {}
        self._members: dict[int, tuple[Members, Members]] = {}  # of objects, of arrays

    def table(self) -> WorkTable:
        """Raises SchemaError for what is wrong or too much, whatever the event."""
        self._collect()
        try:
            return Places(self._costs, self._here, self._members).table(id(self._root))
        except TooMuch:
            raise SchemaError(
                "The schema multiplies its rules (`$ref`, `allOf`, …) too often, or has too many "
                "for one value."
            ) from None
        except Endless:
            raise SchemaError(
                "A `$ref` comes back to itself without going deeper into the event, or is one of "
                f"a chain of more than {MAX_CHAIN}."
            ) from None

    def _collect(self) -> None:
        waiting: list[Any] = [self._root]
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in self._seen:
                continue
            self._seen.add(id(schema))
            if len(self._seen) > MAX_SUBSCHEMAS:
                raise SchemaError(f"The schema has more than {MAX_SUBSCHEMAS} subschemas.")
            self._check_names(schema)
            self._check_patterns(schema)
            targets = list(self._referred(schema))
            is_metaschema = any(self._is_metaschema(schema.get(key)) for key in REFERENCES)
            self._costs[id(schema)] = cost_of(schema, is_metaschema=is_metaschema)
            again = 2 if asks_twice(schema) else 1
            parts = [part for part in applied_here(schema) if isinstance(part, dict)]
            self._here[id(schema)] = targets * again + parts
            self._members[id(schema)] = object_members(schema), array_items(schema)
            waiting += targets
            waiting += parts
            for members in self._members[id(schema)]:
                waiting += members
            for keyword in KEPT:
                waiting += mapping(schema, keyword).values()

    def _check_names(self, schema: dict[str, Any]) -> None:
        if schema is self._root:
            return
        if "$schema" in schema:
            raise SchemaError("`$schema` may stand at the top of a schema only.")
        name = schema.get("id" if self._dialect.endswith("/draft-04/schema") else "$id")
        if isinstance(name, str) and not name.startswith("#"):
            raise SchemaError(
                f"A part may not have an address of its own ({shortened(name)}): "
                "put it under `definitions` and refer to it there."
            )

    def _check_patterns(self, schema: dict[str, Any]) -> None:
        patterns = list(mapping(schema, "patternProperties"))
        if isinstance(schema.get("pattern"), str):
            patterns.append(schema["pattern"])
        for pattern in patterns:
            if pattern in self._programs:
                continue
            try:
                self._programs[pattern] = int(compiled_pattern(pattern).programsize)
            except PatternError as error:
                raise SchemaError(str(error)) from None
            if len(self._programs) > MAX_PATTERNS or sum(self._programs.values()) > MAX_PROGRAMS:
                raise SchemaError("The patterns of the schema are too many or too large.")

    def _referred(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for keyword in REFERENCES:
            reference = schema.get(keyword)
            if not isinstance(reference, str) or self._is_metaschema(reference):
                continue
            if not reference.startswith("#"):
                raise SchemaError(
                    f"`{keyword}` leads outside of the schema ({shortened(reference)}); "
                    "only references into the schema itself (`#/…`) are followed."
                )
            if self.has_plain_references and not (reference == "#" or reference[1:2] == "/"):
                self.has_plain_references = False
                self._resolver = self._registry.crawl().resolver(self._base)
            try:
                target = self._resolver.lookup(reference).contents
            except (Unresolvable, LookupError, ValueError, TypeError):
                raise SchemaError(f"`{keyword}` {shortened(reference)} leads nowhere.") from None
            if isinstance(target, dict):
                yield target

    def _is_metaschema(self, reference: Any) -> bool:
        return isinstance(reference, str) and reference.removesuffix("#") == self._dialect
