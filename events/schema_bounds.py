"""How much work a JSON Schema can cause: what is too much is refused before it ever runs.

Schemas of custom event types are written by customers. A few hundred bytes of `$ref`s that
double, or of nested `unevaluatedProperties`, keep a processor busy for years, and a schema that
refers to itself at the same place never ends. Nothing here validates an event.
"""

import functools
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import re2
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from events.schema_keywords import (
    KEPT,
    REFERENCES,
    Members,
    applied_here,
    array_items,
    mapping,
    object_members,
    sequence,
)

MAX_SCHEMA_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 64
MAX_SUBSCHEMAS: Final = 5_000
# Rules applied along one path from the top of an event down to a leaf. The standard types need
# fewer than 40; a validator applies some 20 million in a second.
MAX_WORK: Final = 2_000
# References followed one from another without going deeper into the event.
MAX_CHAIN: Final = 128
# Levels of an event that are validated; one above what an accepted event can have.
MAX_INSTANCE_DEPTH: Final = 65

_METASCHEMA_WORK: Final = 100
_RULES_PER_UNIT: Final = 20


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
        self._resolver = Registry().with_resource(base, resource).resolver(base)
        self._root = schema
        self._schemas: dict[int, dict[str, Any]] = {}
        self._targets: dict[int, list[dict[str, Any]]] = {}
        self._totals: dict[int, dict[int, int]] = {}
        self._rules: dict[int, int] = {}
        self._members: dict[int, tuple[Members, Members]] = {}  # of objects, of arrays

    def check(self) -> None:
        """Raises SchemaError."""
        self._collect()
        self._check_work()

    def _collect(self) -> None:
        waiting: list[Any] = [self._root]
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in self._schemas:
                continue
            self._schemas[id(schema)] = schema
            if len(self._schemas) > MAX_SUBSCHEMAS:
                raise SchemaError(f"The schema has more than {MAX_SUBSCHEMAS} subschemas.")
            self._check_names(schema)
            self._check_patterns(schema)
            self._rules[id(schema)] = self._own_rules(schema)
            self._targets[id(schema)] = list(self._referred(schema))
            waiting += self._targets[id(schema)]
            waiting += applied_here(schema)
            self._members[id(schema)] = object_members(schema), array_items(schema)
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
                f"A part may not have an address of its own ({_short(name)}): "
                "put it under `definitions` and refer to it there."
            )

    def _check_patterns(self, schema: dict[str, Any]) -> None:
        patterns = list(mapping(schema, "patternProperties"))
        if isinstance(schema.get("pattern"), str):
            patterns.append(schema["pattern"])
        for pattern in patterns:
            compiled_pattern(pattern)

    def _own_rules(self, schema: dict[str, Any]) -> int:
        """What the schema itself costs, without the schemas it holds."""
        composed = sum(isinstance(value, dict | list) for value in sequence(schema, "enum"))
        names = len(mapping(schema, "properties")) + len(sequence(schema, "required"))
        metaschema = any(self._is_metaschema(schema.get(key)) for key in REFERENCES)
        return 1 + composed + names // _RULES_PER_UNIT + metaschema * _METASCHEMA_WORK

    def _referred(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for keyword in REFERENCES:
            reference = schema.get(keyword)
            if not isinstance(reference, str) or self._is_metaschema(reference):
                continue
            if not reference.startswith("#"):
                raise SchemaError(
                    f"`{keyword}` leads outside of the schema ({_short(reference)}); "
                    "only references into the schema itself (`#/…`) are followed."
                )
            try:
                target = self._resolver.lookup(reference).contents
            except (Unresolvable, LookupError, ValueError, TypeError):
                raise SchemaError(f"`{keyword}` {_short(reference)} leads nowhere.") from None
            if isinstance(target, dict):
                yield target

    def _is_metaschema(self, reference: Any) -> bool:
        return isinstance(reference, str) and reference.removesuffix("#") == self._dialect

    def _check_work(self) -> None:
        """Raise if one path from the top to a leaf can meet more than MAX_WORK rules.

        The work of a schema for an event of n levels is that of all schemas applied at the same
        place, and of the costliest member with n - 1 levels. It grows with n until the schema
        has no deeper rules, or for ever if it refers to itself.
        """
        work: dict[int, int] = {}
        above = self._entries()
        changing = set(above)
        for _ in range(MAX_INSTANCE_DEPTH):
            deeper = {entry: self._work(entry, work) for entry in changing}
            if max(deeper.values()) > MAX_WORK:
                raise _too_much()
            changed = [entry for entry in changing if deeper[entry] != work.get(entry)]
            if not changed:
                return
            work.update(deeper)
            changing = set().union(*(above[entry] for entry in changed)) or {id(self._root)}

    def _entries(self) -> dict[int, set[int]]:
        """Where validation can begin, the top and every member; and for each, what is above it."""
        above: dict[int, set[int]] = {id(self._root): set()}
        waiting = [id(self._root)]
        for entry in waiting:  # grows while it is walked
            for here in self._applied_together(entry):
                for member in itertools.chain(*self._members[here]):
                    if not isinstance(member, dict):
                        continue
                    if id(member) not in above:
                        above[id(member)] = set()
                        waiting.append(id(member))
                    above[id(member)].add(entry)
        return above

    def _applied_together(self, entry: int, chain: tuple[int, ...] = ()) -> dict[int, int]:
        """All schemas applied at the same place as this one, and how many times each."""
        if entry in self._totals:
            return self._totals[entry]
        if entry in chain:
            raise SchemaError(
                "A `$ref` comes back to itself without going deeper into the event: "
                "validation would never end."
            )
        if len(chain) > MAX_CHAIN:
            raise SchemaError(f"References form a chain of more than {MAX_CHAIN}.")
        schema = self._schemas[entry]
        total = {entry: 1}
        for part in (*self._targets[entry], *applied_here(schema)):
            if not isinstance(part, dict):
                continue
            for key, times in self._applied_together(id(part), (*chain, entry)).items():
                total[key] = total.get(key, 0) + times
            if sum(total.values()) > MAX_WORK:
                raise _too_much()
        self._totals[entry] = total
        return total

    def _work(self, entry: int, deeper: dict[int, int]) -> int:
        together = self._applied_together(entry)
        own = sum(self._rules[key] * times for key, times in together.items())
        return own + max(self._costliest_member(together, deeper, kind) for kind in (0, 1))

    def _costliest_member(self, together: dict[int, int], deeper: dict[int, int], kind: int) -> int:
        """The work for the member that meets the most rules: a named one, or any other."""

        def cost(schemas: list[Any]) -> int:
            return sum(deeper.get(id(schema), 0) for schema in schemas)

        for_any = 0
        named: dict[str | int, int] = {}
        for key, times in together.items():
            members = self._members[key][kind]
            rest = cost(members.rest)
            for_any += times * (rest + cost(members.always))
            for name, schema in members.named.items():
                named[name] = named.get(name, 0) + times * (cost([schema]) - rest)
        return for_any + max(0, max(named.values(), default=0))


def _too_much() -> SchemaError:
    return SchemaError("The schema multiplies its rules (`$ref`, `allOf`, …) too often.")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


@functools.lru_cache(maxsize=2_048)
def compiled_pattern(pattern: str) -> Any:
    """The pattern for RE2, which needs time in proportion to the text whatever the pattern.

    Raises SchemaError for what RE2 does not know: look-around and back references.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1024 * 1024
    try:
        return re2.compile(pattern, options)
    except (re2.error, ValueError):
        raise SchemaError(
            f"The pattern {_short(pattern)} can not be used: it is wrong, too large, or needs "
            "look-around or back references."
        ) from None
