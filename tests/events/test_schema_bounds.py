"""What would run for ever is refused, and what people really write is not."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from events.json_schema import SchemaError, check_schema, compiled, failures

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
# Far above what any of these needs, far below what they need without bounds.
BOUND_S = 10


@pytest.fixture(autouse=True)
def _finishes_soon() -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < BOUND_S


def doubling(levels: int) -> dict[str, Any]:
    parts: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(levels)
    }
    parts[f"d{levels}"] = {"type": "integer"}
    return {"$schema": DRAFT_7, "definitions": parts, "$ref": "#/definitions/d0"}


def chain(links: int) -> dict[str, Any]:
    parts: dict[str, Any] = {f"d{n}": {"$ref": f"#/definitions/d{n + 1}"} for n in range(links)}
    parts[f"d{links}"] = {"type": "integer"}
    return {"$schema": DRAFT_7, "definitions": parts, "$ref": "#/definitions/d0"}


def nested(levels: int, innermost: dict[str, Any], **beside: Any) -> dict[str, Any]:
    for _ in range(levels):
        innermost = {"allOf": [innermost], **beside}
    return innermost


def shared_twice(levels: int) -> dict[str, Any]:
    """Small in memory, endless as text."""
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value, "b": value}
    return {"properties": value}


def containing_itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["properties"] = {"a": value}
    return value


def deep_list(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


HOSTILE: dict[str, Any] = {
    "references that double": doubling(30),
    "doubling on every level of the event": {
        "definitions": {
            "n": {"properties": {"a": {"anyOf": [{"$ref": "#/definitions/n"}] * 2}}},
        },
        "$ref": "#/definitions/n",
    },
    "doubling by patterns": {
        "patternProperties": {"^a": {"$ref": "#"}, "a$": {"$ref": "#"}},
    },
    "a reference to itself": {"$ref": "#"},
    "a reference to itself through others": {
        "definitions": {
            "a": {"allOf": [{"$ref": "#/definitions/b"}]},
            "b": {"not": {"$ref": "#/definitions/a"}},
        },
        "anyOf": [{"$ref": "#/definitions/a"}],
    },
    "a long chain of references": chain(2_000),
    "unevaluatedProperties within each other": nested(
        28, {"type": "object"}, unevaluatedProperties={"type": "integer"}
    ),
    "an enumeration of many objects": {"items": {"enum": [{"a": n} for n in range(9_000)]}},
    "very many subschemas": {"properties": {f"p{n}": {} for n in range(20_000)}},
    "very many alternatives": {"anyOf": [{"minLength": n} for n in range(4_000)]},
    "too large": {"description": "x" * 300_000},
    "too deep": nested(40, {}),
    "endlessly deep": {"default": deep_list(100_000)},
    "endless as text": shared_twice(60),
    "containing itself": containing_itself(),
    "look-ahead": {"pattern": "^(?=a)b"},
    "a back reference": {"patternProperties": {r"(a)\1": {}}},
    "a pattern that compiles to megabytes": {"pattern": "((a{0,100}){0,100}){0,100}"},
    "a broken pattern": {"pattern": "("},
    "a pattern in a part that nobody refers to": {"$defs": {"a": {"pattern": "(?<=a)b"}}},
    "a part with an address": {"$defs": {"a": {"$id": "https://example.com/a"}}},
    "half a character": {"const": "\ud800"},
    "a number of ten thousand digits": {"minimum": 10**10_000},
    "another draft inside": {"properties": {"a": {"$schema": DRAFT_4}}},
    "NaN": {"minimum": float("nan")},
    "no JSON": {"enum": [{1, 2}]},
    "a name that is a number": {"properties": {1: {}}},
}  # fmt: skip


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_schema_is_refused_at_once_in_a_sentence(schema: dict[str, Any]) -> None:
    for ask in (check_schema, compiled):
        if ask is compiled and schema is HOSTILE["endless as text"]:
            continue  # only what was parsed from JSON is compiled unchecked
        with pytest.raises(SchemaError) as refused:
            ask(schema)
        assert 10 < len(str(refused.value)) <= 400


LEGITIMATE: dict[str, dict[str, Any]] = {
    "a tree": {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    "an expression": {
        "$defs": {
            "e": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "object", "properties": {"and": {"items": {"$ref": "#/$defs/e"}}}},
                    {"type": "array", "items": {"$ref": "#/$defs/e"}},
                ]
            }
        },
        "$ref": "#/$defs/e",
    },
    "two that refer to each other": {
        "$schema": DRAFT_7,
        "definitions": {
            "a": {"properties": {"b": {"$ref": "#/definitions/b"}}},
            "b": {"additionalProperties": {"$ref": "#/definitions/a"}},
        },
        "$ref": "#/definitions/a",
    },
    "an anchor": {"$defs": {"a": {"$anchor": "here"}}, "items": {"$ref": "#here"}},
    "an anchor of old": {
        "$schema": DRAFT_7,
        "definitions": {"a": {"$id": "#here", "type": "string"}},
        "items": {"$ref": "#here"},
    },
    "an address at the top": {"$id": "https://example.com/own.json", "items": {"$ref": "#/$defs/a"},
                              "$defs": {"a": {"type": "string"}}},
    "quoted steps": {"$defs": {"a/b%": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b%25"}},
    "a few levels of unevaluatedProperties": nested(
        3, {"properties": {"a": {}}}, unevaluatedProperties=False
    ),
    "members called like keywords": {
        "properties": {"$ref": {"type": "string"}, "$id": {}, "$schema": {}, "pattern": {}},
    },
    "a hundred countries": {"enum": [f"country {n}" for n in range(200)]},
    "a wide object": {"properties": {f"p{n}": {"type": "string"} for n in range(900)}},
    "true and false": {"properties": {"a": True, "b": False}, "additionalProperties": True},
}  # fmt: skip


@pytest.mark.parametrize("schema", LEGITIMATE.values(), ids=LEGITIMATE.keys())
def test_what_people_really_write_is_accepted(schema: dict[str, Any]) -> None:
    check_schema(schema)


def test_an_event_of_endless_depth_is_a_failure_not_a_crash() -> None:
    (failure,) = failures({"items": {"$ref": "#"}}, deep_list(100_000))
    assert failure.path == ""
    assert "nested deeper" in failure.message
