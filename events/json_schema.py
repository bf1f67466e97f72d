"""JSON Schemas of event types: is a schema usable, and does an event fit it?

A schema is checked and compiled once; compiled ones are kept by the hash of their text.
jsonschema-rs decides, within microseconds; jsonschema gives the reasons when the answer is no.
Nothing is ever fetched: a `$ref` leads into its own schema or to the metaschema of its own draft.
`format` is an annotation: it never fails an event.
"""

import collections
import contextlib
import hashlib
import json
import marshal
import threading
from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs

from events.schema_bounds import Bounds, SchemaError, schema_text
from events.schema_failures import MAX_TEXT, Failure, TooMuchWork, explain, path_text
from events.schema_steps import weights_of
from events.schema_work import MAX_INSTANCE_DEPTH, MAX_UNITS, TooDeep, WorkTable

__all__ = ["CompiledSchema", "Failure", "SchemaError", "check_schema", "compiled", "failures"]

MAX_COMPILED: Final = 512
# An event that is too large for its schema is not checked at all; where it has to fit, it does not.
TOO_MUCH: Final = Failure("", "is too much to be checked against the schema of its type")
TOO_LONG: Final = Failure("", "does not fit the schema, and is too long to tell where")

_DIALECTS: Final = {
    "http://json-schema.org/draft-04/schema": jsonschema_rs.Draft4Validator,
    "http://json-schema.org/draft-06/schema": jsonschema_rs.Draft6Validator,
    "http://json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
    "https://json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012Validator,
}
_NEWEST: Final = "https://json-schema.org/draft/2020-12/schema"


class CompiledSchema:
    """A schema that was checked and can be asked at once. Safe to share between threads."""

    __slots__ = ("_dialect", "_is_explained", "_schema", "_validator", "work")

    def __init__(self, text: str) -> None:
        """Raises SchemaError for a schema that is wrong or would cost too much."""
        self._schema: dict[str, Any] = json.loads(text)
        self._dialect = _dialect(self._schema)
        try:
            # Before the dialect is known to be one of ours this would fetch it.
            jsonschema_rs.meta.validate(self._schema)
            bounds = Bounds(self._schema, self._dialect)
            self.work: WorkTable = bounds.table()
            # jsonschema searches the whole schema each time that it meets another kind.
            self._is_explained = bounds.has_plain_references
            self._validator = _DIALECTS[self._dialect](
                self._schema,
                validate_formats=False,
                offline=True,
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except jsonschema_rs.ValidationError as error:
            place = path_text(error.instance_path) or "The schema"
            raise SchemaError(_cut(f"{place}: {_words(error)}")) from None
        except jsonschema_rs.ReferencingError as error:
            raise SchemaError(_cut(str(error))) from None

    def accepts(self, instance: object) -> bool:
        """Whether the event, as `json.loads` gives it, fits the schema."""
        return not self.failures(instance, max_failures=1)

    def failures(self, instance: object, max_failures: int = 20) -> list[Failure]:
        """Why the event does not fit; empty if it does. What would cost more than MAX_UNITS is not
        done: the failure is TOO_MUCH."""
        try:
            if self.work.units(instance) > MAX_UNITS:
                return [TOO_MUCH]
        except TooDeep:
            return [Failure("", f"is nested deeper than {MAX_INSTANCE_DEPTH} levels")]
        try:
            if self._validator.is_valid(instance):
                return []
        except ValueError:
            return [Failure("", "holds what is not JSON, such as half a surrogate pair")]
        weights = weights_of(instance)
        if weights is None:
            return [TOO_LONG]
        found: list[Failure] = []
        if self._is_explained:
            with contextlib.suppress(TooMuchWork):
                found = explain(self._schema, self._dialect, instance, max_failures, weights)
        return found or [self._first_failure(instance)]

    def _first_failure(self, instance: object) -> Failure:
        """What the deciding validator says, for rules that jsonschema is not asked about."""
        try:
            self._validator.validate(instance)
        except jsonschema_rs.ValidationError as error:
            return Failure(path_text(error.instance_path), f'breaks the rule "{error.kind.name}"')
        return Failure("", "does not fit the schema")


_lock = threading.Lock()
_compiled: collections.OrderedDict[bytes, CompiledSchema] = collections.OrderedDict()


def compiled(schema: Mapping[str, Any]) -> CompiledSchema:
    """The compiled schema, from the cache if it was asked for before. Raises SchemaError."""
    key = _digest(schema)
    with _lock:
        found = _compiled.get(key)
        if found is not None:
            _compiled.move_to_end(key)
            return found
    made = CompiledSchema(schema_text(schema))
    with _lock:
        kept = _compiled.setdefault(key, made)
        while len(_compiled) > MAX_COMPILED:
            _compiled.popitem(last=False)
    return kept


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises SchemaError, in words for its author, if the schema is wrong or hostile.

    Drafts 4, 6, 7, 2019-09 and 2020-12; without `$schema` the newest.
    """
    schema_text(schema)
    compiled(schema)


def failures(schema: Mapping[str, Any], instance: object, max_failures: int = 20) -> list[Failure]:
    """Why the event does not fit the schema; empty if it does. Raises SchemaError.

    Where the same schema is asked often, `compiled(schema).failures` saves hashing it.
    """
    return compiled(schema).failures(instance, max_failures)


def _digest(schema: Mapping[str, Any]) -> bytes:
    """The hash of the schema. Marshalled, not dumped as JSON, for a third of the time."""
    try:
        content = marshal.dumps(dict(schema), 2)  # later versions write the same in many ways
    except ValueError:
        content = schema_text(schema).encode()  # or says what is wrong
    return hashlib.blake2b(content, digest_size=16).digest()


def _dialect(schema: dict[str, Any]) -> str:
    given = schema.get("$schema", _NEWEST)
    dialect = given.removesuffix("#") if isinstance(given, str) else ""
    if dialect not in _DIALECTS:
        known = ", ".join(_DIALECTS)
        raise SchemaError(f"`$schema` must be one of {known}.")
    return dialect


def _words(error: jsonschema_rs.ValidationError) -> str:
    """Where a keyword takes several forms: what they are, not that the metaschema has anyOf."""
    if not isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        return error.message
    if error.instance_path[-1:] == ["type"]:
        return (
            "has to be array, boolean, integer, null, number, object or string, or a list of these"
        )
    return "has none of the forms that this keyword takes"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
