"""Examples made from schemas: they fit, they repeat, and they say when there is none."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import catalogue
from events.catalogue import CATALOGUE
from events.json_schema import SchemaError, failures
from events.sample_payloads import CannotSample, sample_payload

TREE = {
    "$ref": "#/definitions/node",
    "definitions": {
        "node": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "left": {"$ref": "#/definitions/node"},
                "right": {"$ref": "#/definitions/node"},
            },
        }
    },
}

SCHEMAS: list[dict[str, Any]] = [
    {},
    TREE,
    {"type": "string", "pattern": r"^[A-Z]{3}-\d{4}$"},
    {"type": "string", "pattern": "^(foo|bar)+[^a-z]?$"},
    {"type": "string", "minLength": 20, "maxLength": 25},
    {"type": "string", "maxLength": 2},
    {"type": "integer", "minimum": 5, "exclusiveMaximum": 7},
    {"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 13},
    {"type": "number", "multipleOf": 0.25},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "number", "maximum": -5},
    {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "integer",
        "minimum": 5,
        "exclusiveMinimum": True,
        "maximum": 6,
    },
    {"type": ["null", "boolean"]},
    {"type": "null"},
    {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"enum": [1, 2, 3, 4]}},
    {"type": "array", "contains": {"const": 3}, "maxItems": 1},
    {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}],
        "additionalItems": {"type": "boolean"},
        "minItems": 3,
    },
    {"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}},
    {"patternProperties": {"^x-[a-z]+$": {"type": "null"}}, "additionalProperties": False},
    {"type": "object", "required": ["unknown"], "properties": {"gone": False}},
    {"oneOf": [{"type": "string", "format": "email"}, {"required": ["x"], "type": "object"}]},
    {"anyOf": [{"const": 7}, {"enum": ["a", {"b": None}]}]},
    {
        "allOf": [
            {"required": ["a"], "properties": {"a": {"type": "number", "maximum": 500}}},
            {"properties": {"a": {"minimum": 100, "type": ["integer", "string"]}}},
        ]
    },
    {
        "required": ["a"],
        "properties": {"a": {"enum": [1, 2]}},
        "if": {"properties": {"a": {"const": 1}}},
        "then": {"required": ["b"]},
    },
    {"type": "string", "not": {"minLength": 100}},
]


@settings(max_examples=250, deadline=None)
@given(name=st.sampled_from(list(CATALOGUE)), seed=st.integers(0, 2**32))
def test_an_example_of_any_standard_type_fits_its_schema(name: str, seed: int) -> None:
    made = sample_payload(catalogue.standard_schema(name), seed)
    assert catalogue.standard_validator(name).failures(made) == []


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_each_standard_type_has_an_example_with_its_name(name: str) -> None:
    made = sample_payload(catalogue.standard_schema(name))
    assert catalogue.standard_validator(name).accepts(made)
    assert isinstance(made, dict)
    assert isinstance(made["data"], dict)


@settings(max_examples=200, deadline=None)
@given(schema=st.sampled_from(SCHEMAS), seed=st.integers(0, 2**32))
def test_an_example_fits_whatever_the_schema_asks_for(schema: dict[str, Any], seed: int) -> None:
    made = sample_payload(schema, seed)
    assert failures(schema, made) == []
    assert json.loads(json.dumps(made)) == made


def test_the_same_seed_gives_the_same_example_and_another_one_another() -> None:
    schema = catalogue.standard_schema("transactionAdded")
    assert sample_payload(schema, 7) == sample_payload(schema, 7)
    assert sample_payload(schema, 7) != sample_payload(schema, 8)


def test_optional_members_are_part_of_the_example() -> None:
    made: Any = sample_payload(catalogue.standard_schema("transactionAdded"))
    assert {"amount", "billNumber", "enteredBy"} <= set(made["data"])


@pytest.mark.parametrize(
    ("format_name", "expected"),
    [
        ("date-time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("date", r"\d{4}-\d\d-\d\d"),
        ("email", r"[^@]+@example\.com"),
        ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("uri", r"https://example\.com/\d+"),
        ("ipv4", r"192\.0\.2\.\d+"),
    ],
)
def test_a_text_has_its_format(format_name: str, expected: str) -> None:
    made = sample_payload({"type": "string", "format": format_name})
    assert re.fullmatch(expected, str(made))


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {}},
        {"enum": ["a"], "type": "integer"},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**12},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"required": ["again"], "properties": {"again": {"$ref": "#"}}},
    ],
)
def test_a_schema_without_an_example_is_said_to_have_none(schema: dict[str, Any]) -> None:
    with pytest.raises(CannotSample):
        sample_payload(schema)


def test_a_schema_that_is_no_good_is_refused_before_anything_is_made() -> None:
    with pytest.raises(SchemaError):
        sample_payload({"$ref": "https://example.com/schema.json"})
