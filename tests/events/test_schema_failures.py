"""The reasons of a "no": where, what, short, and within a bound."""

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest

from events.json_schema import Failure, failures

# Far above what any of these needs, far below what they need without bounds.
BOUND_S = 10


@pytest.fixture(autouse=True)
def _finishes_soon() -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < BOUND_S


def test_a_pattern_that_others_choke_on_is_matched_in_no_time() -> None:
    text = "a" * 50_000 + "!"
    for schema, path in (
        ({"properties": {"x": {"pattern": "^(a+)+$"}}}, "x"),
        ({"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False}, "x"),
        ({"patternProperties": {"^(x+)+$": {"type": "integer"}}}, "x"),
    ):
        assert [failure.path for failure in failures(schema, {"x": text})] == [path]
        assert failures(schema, {text: 1, "x": text}) != []


@pytest.mark.parametrize("twice", [True, False])
def test_the_same_item_is_found_among_a_thousand(twice: bool) -> None:
    items: list[Any] = [{"a": [n, {"b": n / 2}]} for n in range(1_000)]
    if twice:
        items[-1] = copy.deepcopy(items[0])
    found = failures({"uniqueItems": True}, items)
    assert [failure.message for failure in found] == (
        ["must not hold the same item twice"] if twice else []
    )


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, 1.0], False),
        ([1, True], True),
        ([0, False, None, "", [], {}], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        ([[1, 2], [2, 1]], True),
        ([{"a": [True]}, {"a": [1]}], True),
    ],
)
def test_items_are_the_same_if_json_says_so(items: list[Any], unique: bool) -> None:
    assert (failures({"uniqueItems": True}, items) == []) is unique


def test_reasons_are_told_within_a_bound_however_many_alternatives_fail() -> None:
    schema: dict[str, Any] = {"items": {"anyOf": [{"minLength": n + 5} for n in range(300)]}}
    assert len(failures(schema, ["x"] * 10_000)) >= 1


def test_a_rule_that_only_the_fast_validator_knows_is_reported_too() -> None:
    schema = {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}
    assert failures(schema, {"a": 1}) == []
    (failure,) = failures(schema, {"a": 1, "b": 2})
    assert "unevaluatedProperties" in failure.message


@pytest.mark.parametrize(
    ("schema", "event", "path", "message"),
    [
        ({"type": "integer"}, "1", "", "must be an integer, not a string"),
        ({"type": "integer"}, 1.5, "", "must be an integer, not a fraction"),
        ({"type": ["string", "null"]}, True, "", "must be a string or null, not true or false"),
        ({"type": "array"}, {}, "", "must be an array, not an object"),
        ({"type": "object"}, None, "", "must be an object, not null"),
        ({"enum": ["a", 2]}, "b", "", 'must be one of "a", 2'),
        ({"enum": list(range(9))}, "b", "", "must be one of 0, 1, 2, 3, 4, …"),
        ({"const": None}, 0, "", "must be null"),
        ({"minimum": 3}, 2, "", "must be at least 3"),
        ({"maximum": 3}, 4, "", "must be at most 3"),
        ({"exclusiveMinimum": 3}, 3, "", "must be more than 3"),
        ({"exclusiveMaximum": 3}, 3, "", "must be less than 3"),
        ({"multipleOf": 5}, 3, "", "must be a multiple of 5"),
        ({"minLength": 2}, "a", "", "must have at least 2 characters"),
        ({"maxItems": 1}, [1, 2], "", "must have at most 1 items"),
        ({"pattern": "^a"}, "b", "", 'must match the pattern "^a"'),
        ({"not": {}}, 1, "", "is what it must not be"),
        ({"properties": {"a": False}}, {"a": 1}, "a", "is not allowed here"),
        ({"anyOf": [False, {"const": 1}]}, 2, "",
         "fits none of the alternatives: is not allowed here; must be 1"),
        ({"contains": {"const": 1}}, [], "", "holds no item of the kind asked for, or too many"),
        ({"required": ["a"]}, {}, "a", "is missing"),
        ({"additionalProperties": False}, {"a b": 1}, '["a b"]', "is not allowed here"),
        ({"properties": {"a": {"required": ["b-c"]}}}, {"a": {}}, "a.b-c", "is missing"),
        ({"items": {"properties": {"n": {"type": "null"}}}}, [{}, {"n": 1}], "[1].n",
         "must be null, not a number"),
        ({"oneOf": [{}, {}]}, 1, "", "fits more than one of the alternatives"),
        ({"anyOf": [{"type": "null"}, {"required": ["a"]}]}, {}, "",
         "fits none of the alternatives: must be null, not an object; a is missing"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "", 'breaks the rule "dependentRequired"'),
    ],
)  # fmt: skip
def test_a_failure_says_where_and_what(
    schema: dict[str, Any], event: object, path: str, message: str
) -> None:
    assert failures(schema, event) == [Failure(path, message)]


def test_no_failure_is_long_or_repeats_what_the_event_holds() -> None:
    secret = "S3CRET" * 2_000
    schema = {
        "enum": ["y" * 5_000] * 9,
        "const": {"z": "y" * 5_000},
        "pattern": "y" * 5_000,
        "maxLength": 2,
        "anyOf": [{"const": "y" * 5_000}] * 5,
    }
    for found in (
        failures(schema, secret),
        failures({"additionalProperties": {"additionalProperties": False}}, {secret: {secret: 1}}),
    ):
        assert found
        for failure in found:
            assert len(failure.path) <= 200
            assert len(failure.message) <= 200
            assert "S3CRET" * 10 not in failure.path + failure.message
            assert "S3CRET" not in failure.message


def test_no_more_failures_than_asked_for_are_told() -> None:
    assert len(failures({"items": {"type": "null"}}, [1] * 1_000)) == 20
    assert len(failures({"items": {"type": "null"}}, [1] * 1_000, max_failures=3)) == 3


def test_half_a_surrogate_pair_is_no_accident() -> None:
    schema = {"properties": {"a": {"pattern": "^x"}}, "patternProperties": {"^b": {"type": "null"}}}
    for event in ({"a": "\ud800"}, {"\udfff": 1}):
        (failure,) = failures(schema, event)
        assert "half a surrogate pair" in failure.message
