"""What checking an event costs is known before it is checked, and never more than allowed.

Nothing here looks at a clock: the bound is computed.
"""

from collections.abc import Callable
from typing import Any

import pytest

from events.catalogue import CATALOGUE, standard_sample, standard_validator
from events.json_schema import TOO_LONG, TOO_MUCH, SchemaError, compiled, failures
from events.schema_steps import MAX_STEPS, MAX_WEIGHT, steps, weights_of
from events.schema_work import MAX_UNITS

ITEM = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}


def units(schema: dict[str, Any], event: object) -> int:
    return compiled(schema).work.units(event)


def items(schema: dict[str, Any]) -> dict[str, Any]:
    return {"items": schema}


def nested(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


# Each costs seconds, minutes or years without a bound, and stays a valid schema.
LARGE: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {
    "half a million numbers with twenty rules each": (
        items({"allOf": [{"minimum": -n} for n in range(20)]}),
        lambda: [1] * 500_000,
    ),
    "a pattern whose automaton does not fit a cache": (
        {"pattern": "[ab]*a[ab]{100}c"},
        lambda: "ab" * 250_000,
    ),
    "nested repetitions": ({"pattern": "([ab]{1,50}){1,20}c"}, lambda: "ab" * 500),
    "a bad pattern for names": (
        {"patternProperties": {"[ab]*a[ab]{100}c": {"type": "string"}}},
        lambda: {"ab" * 200_000: ""},
    ),
    "names that have to match": (
        {"propertyNames": {"pattern": "[ab]*a[ab]{100}c"}},
        lambda: {"ab" * 200_000: ""},
    ),
    "fractions among many": (
        items({"enum": [n + 0.1 for n in range(100)]}),
        lambda: [99.1] * 100_000,
    ),
    "whole numbers that share a hash": (
        {"uniqueItems": True},
        lambda: [2**64 + n for n in range(3_000)],
    ),
    "the same deep down": (
        {"uniqueItems": True},
        lambda: [{"a": [1] * 30, "id": 2**62 + n} for n in range(1_000)],
    ),
    "unique lists within unique lists": (
        {"uniqueItems": True, "items": {"$ref": "#"}},
        lambda: nested(list(range(30_000)), 60),
    ),
    "parts of extreme numbers": (items({"multipleOf": 0.01}), lambda: [1e300] * 10_000),
    "numbers of 400 digits": (items({"minimum": 10**300}), lambda: [10**399] * 2_000),
    "many that have to be contained": (
        {"allOf": [{"contains": {"minimum": 10**6 + n}, "minContains": 0} for n in range(100)]},
        lambda: [1] * 80_000,
    ),
    "many alternatives": (
        items({"oneOf": [{"properties": {"a": {"const": n}}} for n in range(300)]}),
        lambda: [{"a": 299}] * 3_000,
    ),
    "many schemas that depend on a name": (
        items({"dependentSchemas": {f"q{n}": {} for n in range(900)}}),
        lambda: [{"a": 1}] * 10_000,
    ),
    "names that depend on each other": (
        items({"dependentRequired": {f"q{n}": ["a"] for n in range(1_000)}}),
        lambda: [{"a": 1}] * 10_000,
    ),
    "what was looked at, again and again": (
        items(
            {
                "anyOf": [{"properties": {f"q{n}": {"type": "integer"} for n in range(30)}}] * 8,
                "unevaluatedProperties": False,
            }
        ),
        lambda: [{f"q{n}": 1 for n in range(30)}] * 2_000,
    ),
    "every level refers to itself": (
        {"items": {"$ref": "#"}, "anyOf": [{"type": "array"}, {"type": "integer"}]},
        lambda: nested([1] * 100_000, 60),
    ),
    "the metaschema": (
        items({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
        lambda: [{"properties": {"a": {"type": "string"}}}] * 3_000,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "event"), LARGE.values(), ids=LARGE.keys())
def test_what_would_take_too_long_is_not_begun(
    schema: dict[str, Any], event: Callable[[], Any]
) -> None:
    checked = compiled(schema)
    assert checked.work.units(event()) > MAX_UNITS
    assert checked.failures(event()) == [TOO_MUCH]
    assert not checked.accepts(event())


REFUSED: dict[str, dict[str, Any]] = {
    "one heavy part in very many places": {
        "$defs": {
            "heavy": {"anyOf": [{"properties": {f"a{n}": {}}} for n in range(500)]},
        },
        "properties": {f"p{n}": {"$ref": "#/$defs/heavy"} for n in range(1_500)},
    },
    "more patterns than anybody reads": {
        "properties": {f"p{n}": {"pattern": f"^[a-z]{{1,30}}{n}$"} for n in range(1_000)},
    },
    "patterns that are huge together": {
        "properties": {f"p{n}": {"pattern": f"(([a-z]{{1,40}}){{1,20}}){n}"} for n in range(30)},
    },
    "a thousand fractions": {"enum": [n + 0.1 for n in range(1_000)]},
    "a reference that doubles what is asked twice": {
        "$defs": {
            **{
                f"d{n}": {"$ref": f"#/$defs/d{n + 1}", "unevaluatedProperties": False}
                for n in range(30)
            },
            "d30": {"properties": {"a": {}}},
        },
        "$ref": "#/$defs/d0",
    },
}


@pytest.mark.parametrize("schema", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_too_much_for_any_event_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        compiled(schema)


def test_a_mesh_of_references_is_judged_by_what_it_means() -> None:
    """900 references to 30 parts are 30 different places."""
    parts = {
        f"d{n}": {"properties": {f"a{k}": {"$ref": f"#/$defs/d{k}"} for k in range(30)}}
        for n in range(30)
    }
    assert units({"$defs": parts, "$ref": "#/$defs/d0"}, {"a1": {"a2": {}}}) < 1_000


def test_each_anchor_is_found_in_one_search() -> None:
    parts = {f"d{n}": {"$anchor": f"a{n}", "type": "integer"} for n in range(450)}
    schema = {"$defs": parts, "prefixItems": [{"$ref": f"#a{n}"} for n in range(450)]}
    assert [failure.path for failure in failures(schema, [1, "2"])] == ["[1]"]


def test_what_brands_send_is_checked() -> None:
    event = {"data": {"lineItems": [{"sku": f"a-{n}"} for n in range(5_000)]}}
    schema = {"properties": {"data": {"properties": {"lineItems": {"items": ITEM}}}}}
    assert failures(schema, event) == []
    event["data"]["lineItems"][4_000] = {}
    assert failures(schema, event) != [TOO_MUCH]


@pytest.mark.parametrize("name", CATALOGUE)
def test_standard_events_are_far_below_the_bound(name: str) -> None:
    assert standard_validator(name).work.units(standard_sample(name)) < MAX_UNITS / 50


UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


@pytest.mark.parametrize(
    "pattern", [UUID, r"^\d{4}-\d{2}-\d{2}$", "^[A-Z]{3}$", "^[a-z0-9-]{8,40}$", "^EUR [0-9]+$"]
)
def test_patterns_of_codes_cost_little(pattern: str) -> None:
    assert units(items({"pattern": pattern}), ["x" * 36] * 4_000) < MAX_UNITS


@pytest.mark.parametrize(
    "pattern",
    [
        *("[a-f]{4}[0-9a-f]{30}$", "^[ab]*a[ab]{30}$", "^[ab]{1,30}a[ab]{30}$", "^(a|b){30}$"),
        *("^[ab]{30}|[ab]*a[ab]{30}", "^[ab]+[ab]{30}$", "^a?[ab]{30}$", "^.{1,30}x$"),
    ],
)
def test_patterns_that_may_stand_at_several_places_at_once_cost_much(pattern: str) -> None:
    assert units(items({"pattern": pattern}), ["x" * 36] * 4_000) > MAX_UNITS


def test_a_bound_grows_with_the_event_and_with_the_schema() -> None:
    assert units(items(ITEM), [{"sku": ""}] * 200) > units(items(ITEM), [{"sku": ""}] * 100)
    assert units(items({"allOf": [ITEM, ITEM]}), [{}] * 100) > units(items(ITEM), [{}] * 100)


def test_only_what_the_schema_looks_at_counts() -> None:
    assert units({"required": ["data"]}, {"data": [1] * 100_000}) < 100
    assert units({}, nested([], 1_000)) < 100


def test_a_level_counts_with_what_is_asked_on_that_level() -> None:
    """Not with the costliest of the whole schema."""
    costly_top = {"allOf": [{"minProperties": n} for n in range(100)], **items({"type": "integer"})}
    assert units(costly_top, [1] * 1_000) < 1_000 * 10


def test_a_named_member_is_not_counted_as_any_other() -> None:
    others = {"additionalProperties": {"allOf": [{"minimum": n} for n in range(50)]}}
    alone = compiled(others).work
    beside = compiled({**others, "properties": {"a": {}}}).work
    assert alone.value[1:] == beside.value[1:]


def test_numbers_are_weighed_only_where_they_are_looked_at() -> None:
    assert units(items({"type": "integer"}), [10**399] * 100) < 1_000
    assert units(items({"minimum": 1}), [10**399] * 100) > 1_000_000 / 2


def test_telling_the_reasons_is_given_up_for_what_is_long() -> None:
    long = [["x"] * 30] * 1_000
    assert weights_of(long) is None
    assert weights_of("x" * 50 * (MAX_WEIGHT + 1)) is None
    assert failures({"minItems": 10**6}, long) == [TOO_LONG]


def test_each_reason_costs_what_it_writes_down() -> None:
    text = "x" * 400_000
    weights = weights_of(text)
    assert weights is not None
    assert steps("not", {}, text, {}, weights) * 20 > MAX_STEPS
    assert steps("type", "string", 1, {}, weights) == 1


@pytest.mark.parametrize(
    ("word", "value", "instance", "schema"),
    [
        ("pattern", "[ab]*a[ab]{100}c", "ab" * 5_000, {}),
        ("patternProperties", {}, {"ab" * 5_000: 1}, {"patternProperties": {"[ab]{1000}c": {}}}),
        ("uniqueItems", True, [[n] for n in range(8_000)], {}),
        ("enum", [["x"] * 15_000], [], {}),
        ("items", {}, [1] * 8_000, {}),
        ("additionalProperties", {}, {str(n): 1 for n in range(8_000)}, {}),
    ],
)  # fmt: skip
def test_what_would_take_long_to_explain_is_not(
    word: str, value: Any, instance: Any, schema: dict[str, Any]
) -> None:
    assert steps(word, value, instance, schema, {}) >= MAX_STEPS
