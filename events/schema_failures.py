"""Where and why an event does not fit a JSON Schema, in words for the people of a brand.

jsonschema tells the reasons of a "no" that the faster validator has found. What its own keywords
would do without bound, ours do with one: patterns run on RE2, items are compared by hash, and the
work is counted.
"""

import contextvars
import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from jsonschema import validators
from jsonschema.exceptions import ValidationError
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped] # has no types
from referencing.exceptions import Unresolvable

from events.schema_patterns import compiled_pattern
from events.schema_steps import MAX_STEPS, steps

MAX_TEXT: Final = 200
_MAX_VALUE: Final = 40
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_$][\w$-]*")

_budget: contextvars.ContextVar["_Budget"] = contextvars.ContextVar("budget")

_KINDS: Final = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A place of the event that breaks a rule.

    `path` is like `data.lineItems[2].amount`, empty for the event itself; of a missing member it
    is the path where that should be. Neither text is longer than 200 characters, and `message`
    holds no value of the event.
    """

    path: str
    message: str


class TooMuchWork(Exception):
    """The reasons can not be told within the bound."""


@dataclasses.dataclass(slots=True)
class _Budget:
    """`weights` of the event's parts by id, and the steps that are left."""

    weights: dict[int, int]
    steps: int = MAX_STEPS


def path_text(path: Iterable[str | int]) -> str:
    """The path as in JavaScript; names that are no identifiers are quoted."""
    text = ""
    for step in itertools.islice(path, MAX_TEXT):
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_NAME.fullmatch(step):
            text += ("." if text else "") + _cut(step, _MAX_VALUE)
        else:
            text += f"[{json.dumps(_cut(step, _MAX_VALUE), ensure_ascii=False)}]"
    return _cut(text, MAX_TEXT)


def explain(
    schema: dict[str, Any],
    dialect: str,
    instance: Any,
    limit: int,
    weights: dict[int, int],
) -> list[Failure]:
    """The first `limit` reasons; an empty list if jsonschema finds none.

    `weights` are those of `schema_steps.weights_of`. Raises TooMuchWork when the bound is reached
    before a single reason was found.
    """
    validator = _validator_class(dialect)(schema, registry=REGISTRY)
    token = _budget.set(_Budget(weights))
    found: list[Failure] = []
    try:
        errors = itertools.islice(validator.iter_errors(instance), limit)
        found.extend(map(_failure, errors))  # keeps those found before the bound was reached
    except (TooMuchWork, RecursionError, ArithmeticError, TypeError, Unresolvable):
        # TypeError: jsonschema stumbles over `items: false` beside `additionalItems`.
        if not found:
            raise TooMuchWork from None
    finally:
        _budget.reset(token)
    return found


def _failure(error: ValidationError) -> Failure:
    return Failure(path_text(error.absolute_path), _cut(_words(error), MAX_TEXT))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _value(value: Any) -> str:
    """A value of the schema, which may be long; those of the event are never repeated."""
    if isinstance(value, str):
        value = value[: _MAX_VALUE + 1]
    parts = itertools.islice(_ENCODER.iterencode(value), _MAX_VALUE + 1)
    return _cut("".join(part[: _MAX_VALUE + 1] for part in parts), _MAX_VALUE)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), (str, "a string"), (dict, "an object"), (list, "an array"))
    return next((kind for cls, kind in kinds if isinstance(value, cls)), "a number")


def _words_for_type(error: ValidationError) -> str:
    names: Any = error.validator_value
    wanted = [names] if isinstance(names, str) else names
    kinds = " or ".join(_KINDS.get(name, str(name)) for name in wanted)
    got = "a fraction" if isinstance(error.instance, float) and "integer" in wanted else ""
    return f"must be {kinds}, not {got or _kind(error.instance)}"


def _words_for_enum(error: ValidationError) -> str:
    values: Any = error.validator_value
    shown = ", ".join(_value(value) for value in values[:5])
    return f"must be one of {shown}{', …' if len(values) > 5 else ''}"


def _words_for_alternatives(error: ValidationError) -> str:
    if not error.context:
        return "fits more than one of the alternatives"
    groups = itertools.groupby(error.context, key=lambda part: next(iter(part.schema_path), 0))
    reasons = []
    for _, group in itertools.islice(groups, 3):
        first = next(group)
        reasons.append(f"{path_text(first.path)} {_words(first)}".strip())
    return f"fits none of the alternatives: {'; '.join(reasons)}"


_WORDS: Final[dict[str, Callable[[ValidationError], str]]] = {
    "type": _words_for_type,
    "enum": _words_for_enum,
    "anyOf": _words_for_alternatives,
    "oneOf": _words_for_alternatives,
    "const": lambda error: f"must be {_value(error.validator_value)}",
    "minimum": lambda error: f"must be at least {_value(error.validator_value)}",
    "maximum": lambda error: f"must be at most {_value(error.validator_value)}",
    "exclusiveMinimum": lambda error: f"must be more than {_value(error.validator_value)}",
    "exclusiveMaximum": lambda error: f"must be less than {_value(error.validator_value)}",
    "multipleOf": lambda error: f"must be a multiple of {_value(error.validator_value)}",
    "minLength": lambda error: f"must have at least {_value(error.validator_value)} characters",
    "maxLength": lambda error: f"must have at most {_value(error.validator_value)} characters",
    "minItems": lambda error: f"must have at least {_value(error.validator_value)} items",
    "maxItems": lambda error: f"must have at most {_value(error.validator_value)} items",
    "minProperties": lambda error: f"must have at least {_value(error.validator_value)} members",
    "maxProperties": lambda error: f"must have at most {_value(error.validator_value)} members",
    "pattern": lambda error: f"must match the pattern {_value(error.validator_value)}",
    "uniqueItems": lambda _: "must not hold the same item twice",
    "contains": lambda _: "holds no item of the kind asked for, or too many",
    "not": lambda _: "is what it must not be",
    "items": lambda _: "holds more items than allowed",
    "required": lambda _: "is missing",
    "None": lambda _: "is not allowed here",  # the schema `false`
}


def _words(error: ValidationError) -> str:
    words = _WORDS.get(str(error.validator))
    return words(error) if words else f"breaks the rule {_value(error.validator)}"


_Errors = Iterator[ValidationError]


def _required(validator: Any, names: list[str], instance: Any, _: Any) -> _Errors:
    if validator.is_type(instance, "object"):
        for name in names:
            if name not in instance:
                yield ValidationError("", path=(name,))


def _matches(pattern: str, text: str) -> bool:
    try:
        return compiled_pattern(pattern).search(text) is not None
    except UnicodeEncodeError:  # half a surrogate pair is in no pattern's alphabet
        return False


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> _Errors:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError("")


def _below(validator: Any, value: Any, schema: Any, name: str) -> _Errors:
    """The failures of a member, also of one that must not be there at all."""
    if schema is False:  # jsonschema would not tell the path
        yield ValidationError("", validator=None, path=(name,))  # type: ignore[arg-type] # as it does
    else:
        yield from validator.descend(value, schema, path=name)


def _properties(validator: Any, properties: dict[str, Any], instance: Any, _: Any) -> _Errors:
    if validator.is_type(instance, "object"):
        for name, schema in properties.items():
            if name in instance:
                yield from _below(validator, instance[name], schema, name)


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, _: Any) -> _Errors:
    if validator.is_type(instance, "object"):
        for pattern, schema in patterns.items():
            for name, value in instance.items():
                if _matches(pattern, name):
                    yield from _below(validator, value, schema, name)


def _additional_properties(validator: Any, rule: Any, instance: Any, schema: Any) -> _Errors:
    if not validator.is_type(instance, "object"):
        return
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in named or any(_matches(pattern, name) for pattern in patterns):
            continue
        yield from _below(validator, value, rule, name)


def _same(value: Any) -> Any:
    """A key that is equal for equal JSON: 1 is 1.0, but true is not 1."""
    if isinstance(value, dict):
        return frozenset((name, _same(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(map(_same, value))
    return (bool, value) if isinstance(value, bool) else value


def _unique_items(validator: Any, rule: Any, instance: Any, _: Any) -> _Errors:
    if rule and validator.is_type(instance, "array"):
        seen = set()
        for item in map(_same, instance):
            if item in seen:
                yield ValidationError("")
                return
            seen.add(item)


def _untold(*_: Any) -> _Errors:
    """What jsonschema can only decide by trying everything again; the fast validator has."""
    return iter(())


def _counted(word: str, keyword: Callable[..., Any]) -> Callable[..., _Errors]:
    @functools.wraps(keyword)
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        budget = _budget.get()
        budget.steps -= steps(word, value, instance, schema, budget.weights)
        if budget.steps < 0:
            raise TooMuchWork
        yield from keyword(validator, value, instance, schema) or ()

    return counted


@functools.cache
def _validator_class(dialect: str) -> Any:
    base = validators.validator_for({"$schema": f"{dialect}#"})
    keywords = {
        **base.VALIDATORS,
        "required": _required,
        "properties": _properties,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "unevaluatedProperties": _untold,
        "unevaluatedItems": _untold,
    }
    counted = {name: _counted(name, keyword) for name, keyword in keywords.items()}
    extend: Any = validators.extend  # has no types
    return extend(base, validators=counted)
