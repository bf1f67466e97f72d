"""What a payload filter wants; every sentence of the module's docstring is held here."""

import contextlib
import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.payload_conditions import MAX_STEPS
from webhooks.payload_filter import MAX_BYTES, MAX_CONDITIONS, MAX_DEPTH, compiled, parse

EVENT: dict[str, Any] = {
    "eventName": "transactionAdded",
    "orgId": 1800,
    "data": {
        "amount": 1500.0,
        "billType": "REGULAR",
        "id": 9007199254740993,
        "isNew": True,
        "note": None,
        "text": "1500",
        "empty": [],
        "items": [
            {"sku": "A-1", "qty": 1, "tags": ["x", "y"]},
            {"sku": "B-2", "qty": 5, "tags": ["z"]},
            "odd",
        ],
        "rows": [[{"n": 1}], [{"n": 2}, 3]],
        "a.b": {"$c": "dots", "d\\e": 1},
        "0": "key",
    },
}


def said(conditions: Any, event: dict[str, Any] = EVENT) -> bool | None:
    return parse(conditions).match(event).matches


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"data.amount": {"$gte": 1000}, "data.billType": "REGULAR"},
        {"eventName": "transactionAdded", "orgId": 1800},
        {"data.amount": 1500},
        {"data.amount": {"$gt": 1499.5, "$lt": 1501, "$lte": 1500, "$gte": 1500}},
        {"data.id": 9007199254740993},
        {"data.billType": {"$in": ["RETURN", "REGULAR"], "$nin": ["VOID"]}},
        {"data.billType": {"$ne": "RETURN", "$startsWith": "REG"}},
        {"data.billType": {"$gt": "REG", "$lt": "REH"}},
        {"data.isNew": True},
        {"data.note": None},
        {"data.note": {"$exists": True}},
        {"data.none": {"$exists": False}},
        {"data.none": {"$ne": 1}},
        {"data.none": {"$nin": [1, None]}},
        {"data.note.deeper": {"$exists": False}},
        {"data.amount": {"$in": [None, 1500]}},
        {"$or": [{"data.amount": 1}, {"data.amount": 1500}]},
        {"$and": [{"data.amount": 1500}, {"orgId": 1800}]},
        {"$not": {"data.amount": 1}},
        {"data.amount": {"$not": {"$lt": 1000}}},
        {"data.amount": {"$not": {"$gt": 1, "$lt": 1000}}},
    ],
)
def test_what_a_filter_wants(conditions: Any) -> None:
    assert said(conditions) is True


@pytest.mark.parametrize(
    "conditions",
    [
        {"data.amount": {"$gte": 1000}, "data.billType": "RETURN"},
        {"data.amount": "1500"},
        {"data.text": 1500},
        {"data.id": 9007199254740992},
        {"data.id": 9007199254740992.0 - 1},
        {"data.isNew": 1},
        {"data.isNew": {"$in": [1, "true"]}},
        {"data.note": False},
        {"data.note": {"$gt": 0}},
        {"data.note": {"$startsWith": ""}},
        {"data.note": {"$exists": False}},
        {"data.none": None},
        {"data.none": {"$lt": 5}},
        {"data.none": {"$in": [None]}},
        {"data.none": {"$exists": True}},
        {"data": None},
        {"data": {"$in": [1, "x"]}},
        {"data.billtype": "REGULAR"},
        {"data.billType": "regular"},
        {"$or": [{"data.amount": 1}, {"data.amount": 2}]},
        {"$and": [{"data.amount": 1500}, {"orgId": 1}]},
        {"$not": {"data.amount": 1500}},
        {"data.amount": {"$in": []}},
    ],
)
def test_what_a_filter_does_not_want(conditions: Any) -> None:
    assert said(conditions) is False


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ({"data.amount": {"$gt": "1000"}}, "data.amount is a number; $gt needs a text here."),
        ({"data.text": {"$gt": 1000}}, "data.text is a text; $gt needs a number here."),
        ({"data.isNew": {"$lte": 1}}, "data.isNew is true or false; $lte needs a number here."),
        ({"data": {"$lt": 1}}, "data is an object; $lt needs a number here."),
        ({"data.id": {"$startsWith": "9"}}, "data.id is a number; $startsWith needs a text here."),
        (
            {"$not": {"data.text": {"$gt": 1000}}},
            "data.text is a text; $gt needs a number here.",
        ),
        (
            {"$or": [{"data.text": {"$gt": 1}}, {"orgId": 1}]},
            "data.text is a text; $gt needs a number here.",
        ),
        ({"data.text": {"$gt": 1}, "orgId": 1800}, "data.text is a text; $gt needs a number here."),
    ],
)
def test_what_can_not_be_evaluated_says_why(conditions: Any, reason: str) -> None:
    assert parse(conditions).match(EVENT) == (None, reason)


def test_what_can_not_be_evaluated_does_not_matter_where_the_others_decide() -> None:
    unclear = {"data.text": {"$gt": 1}}
    assert said({"$or": [unclear, {"orgId": 1800}]}) is True
    assert said({"$and": [unclear, {"orgId": 1}]}) is False
    assert said({"$and": [{"orgId": 1}, unclear]}) is False


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ({"data.items.sku": "B-2"}, True),
        ({"data.items.sku": {"$startsWith": "C"}}, False),
        ({"data.items.qty": {"$gt": 4}}, True),
        ({"data.items.qty": {"$gt": 4, "$lt": 2}}, True),  # one each, not one for both
        ({"data.items.sku": {"$ne": "A-1"}}, False),
        ({"data.items.sku": {"$nin": ["C-3"]}}, True),
        ({"data.items": "odd"}, True),
        ({"data.items.tags": "z"}, True),
        ({"data.items.0.tags": "z"}, False),
        ({"data.items.1.tags": "z"}, True),
        ({"data.items.2": "odd"}, True),
        ({"data.items.3": {"$exists": False}}, True),
        ({"data.items.0": {"$exists": True}}, True),
        ({"data.0": "key"}, True),
        ({"data.rows.n": 2}, True),
        ({"data.rows.1.1": 3}, True),
        ({"data.rows": 3}, True),
        ({"data.empty": {"$exists": True}}, True),
        ({"data.empty.x": {"$exists": True}}, False),
        ({"data.empty": {"$ne": 1}}, True),
        ({"data.empty": 1}, False),
        ({"data.items.sku": {"$gt": 7}}, None),
        ({"data.rows": {"$gte": 3}}, True),  # an element decides, whatever the others are
    ],
)
def test_an_array_stands_for_its_elements(conditions: Any, matches: bool | None) -> None:
    assert said(conditions) is matches


def test_keys_with_dots_backslashes_and_dollar_signs_are_reached() -> None:
    assert said({r"data.a\.b.\$c": "dots"}) is True
    assert said({r"data.a\.b.$c": "dots"}) is True  # only the beginning of all is an operator's
    assert said({r"data.a\.b.d\\e": 1}) is True
    assert said({"data.a.b": {"$exists": True}}) is False
    assert said({r"\$x": 1}, {"$x": 1}) is True


# --- What is no filter -----------------------------------------------------------------------


def problems(conditions: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        parse(conditions)
    return [(str(one.message), str(one.code)) for one in refused.value.error_list]


@pytest.mark.parametrize(
    ("conditions", "place"),
    [
        (None, "The filter is no object"),
        ([], "The filter is no object"),
        ("x", "The filter is no object"),
        ({"data.amount": {"$near": 1}}, "data.amount.$near is no operator"),
        ({"data": {"amount": 1}}, "data.amount is no operator"),
        ({"data.amount": {}}, "data.amount has no operator"),
        ({"data.amount": [1]}, "data.amount is not a text"),
        ({"data.amount": {"$eq": {}}}, "data.amount.$eq is not a text"),
        ({"data.amount": {"$gt": None}}, "data.amount.$gt is no number or text"),
        ({"data.amount": {"$gt": True}}, "data.amount.$gt is no number or text"),
        ({"data.amount": {"$in": 1}}, "data.amount.$in is no array"),
        ({"data.amount": {"$nin": [[1]]}}, "data.amount.$nin has an element that is not a text"),
        ({"data.amount": {"$exists": 1}}, "data.amount.$exists is not true or false"),
        ({"data.amount": {"$startsWith": 1}}, "data.amount.$startsWith is no text"),
        ({"data.amount": {"$not": 1}}, "data.amount.$not is no object of operators"),
        ({"data.amount": {"$or": []}}, "data.amount.$or is no operator"),
        ({"data.amount": float("nan")}, "data.amount is no finite number"),
        ({"data.amount": float("inf")}, "data.amount is no finite number"),
        ({"data.amount": 1e300}, "data.amount is too large for a number with"),
        ({"data.amount": "\0"}, "data.amount holds the character NUL"),
        ({"data.amount": "\ud800"}, "The filter is not JSON"),
        ({"data.amount": b"x"}, "The filter is not JSON"),
        ({"data.amount": 10**5000}, "The filter is not JSON"),
        ({"$where": "1"}, "$where is no path"),
        ({"": 1}, "The filter"),
        ({"data..amount": 1}, "data..amount is no path"),
        ({"data.": 1}, "data. is no path"),
        ({"data\\amount": 1}, "data\\amount is no path"),
        ({"x" * 201: 1}, "xxx"),
        ({"a\0": 1}, "a\0 is no path"),
        ({3: 1}, "3 is no path"),
        ({"$or": {}}, "$or is no array of filters"),
        ({"$and": []}, "$and is no array of filters"),
        ({"$not": {}}, "$not has no condition"),
        ({"$or": [{"a": 1}, 7]}, "$or[1] is no object of conditions"),
        ({"$or": [{"a": 1}, {"$not": {"b": {"$x": 1}}}]}, "$or[1].$not.b.$x is no operator"),
    ],
)
def test_a_filter_that_is_wrong_is_told_where(conditions: Any, place: str) -> None:
    ((message, code),) = problems(conditions)
    assert message.startswith(place)
    assert code == "filter_invalid"


def test_all_that_is_wrong_is_told_up_to_a_bound() -> None:
    assert len(problems({"a": {"$x": 1, "$y": 1}, "$z": 1})) == 3
    assert len(problems({f"a{n}": {"$x": 1} for n in range(100)})) == 20


def deep(levels: int) -> Any:
    conditions: Any = {"a": 1}
    for _ in range(levels):
        conditions = {"$not": conditions}
    return conditions


def deep_at_a_path(levels: int) -> Any:
    operators: Any = {"$eq": 1}
    for _ in range(levels):
        operators = {"$not": operators}
    return {"a": operators}


@pytest.mark.parametrize(
    "conditions",
    [
        {"a": "x" * MAX_BYTES},
        {f"a{n}": n for n in range(MAX_CONDITIONS + 1)},
        {"a": {"$in": list(range(1_001))}},
        {"a": {"$in": list(range(600))}, "b": {"$nin": list(range(600))}},
        deep(MAX_DEPTH + 1),
        deep_at_a_path(MAX_DEPTH + 1),
    ],
)
def test_a_filter_that_would_cost_too_much_is_refused(conditions: Any) -> None:
    assert {code for _, code in problems(conditions)} == {"filter_too_large"}


def test_a_filter_at_its_bounds_is_taken() -> None:
    assert said(deep(MAX_DEPTH)) in {True, False}
    assert said(deep_at_a_path(MAX_DEPTH)) in {True, False}
    assert said({f"a{n}": {"$ne": n} for n in range(MAX_CONDITIONS)}) is True


@pytest.mark.parametrize("levels", [300, 3_000, 30_000])
def test_a_filter_of_any_depth_is_refused_and_no_more(levels: int) -> None:
    conditions: Any = {}
    for _ in range(levels):
        conditions = {"$and": [conditions]}
    assert problems(conditions)


@pytest.mark.parametrize(
    "text", ["", "{", "nul", "[" * 100_000, '{"data.amount": {"$near": 1}}', "7", "1e999", "NaN"]
)
def test_a_stored_filter_that_is_broken_can_not_be_evaluated(text: str) -> None:
    verdict = compiled(text).match(EVENT)
    assert verdict.matches is None
    assert verdict.reason.startswith("The webhook's filter is not usable: ")
    assert len(verdict.reason) <= 200


def test_the_same_text_is_understood_once() -> None:
    text = json.dumps({"data.amount": {"$gt": 71}})
    assert compiled(text) is compiled(text)
    assert compiled(text).match(EVENT).matches is True


# --- What it costs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {"list": [0] * 100_000},
        {"list": [{"x": 0}] * 100_000},
        {"list": [[0] * 100] * 1_000},
        {"list": [[[[[0] * 9] * 9] * 9] * 9] * 9},
    ],
)
@pytest.mark.parametrize("path", ["data.list", "data.list.x"])
def test_beyond_a_bound_an_event_is_not_looked_at_further(data: Any, path: str) -> None:
    for operator in ({"$eq": 1}, {"$gt": 1}, {"$nin": [1]}):
        verdict = parse({path: operator}).match({"data": data})
        assert verdict == (None, f"More than {MAX_STEPS:,} values would have to be looked at.")


def test_the_bound_is_of_the_whole_filter() -> None:
    event = {"data": {"list": [0] * 100}}
    many = {"$and": [{"data.list": {"$ne": n + 1}} for n in range(90)]}
    assert said(many, event) is None
    assert said({"$and": many["$and"][:40]}, event) is True


# --- Against an evaluation without any care for cost -----------------------------------------

KEYS = ["a", "b", "0", "1"]
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, 1.5, 2.0**60, 2**60, 2**60 + 1]),
    st.sampled_from(["", "a", "ab", "b", "1"]),
)
operands = plain.filter(lambda value: value != 2.0**60 or isinstance(value, int))
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)
events = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
paths = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(".".join)
bounds = operands.filter(lambda value: value is not None and not isinstance(value, bool))
operators = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), operands),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(operands, max_size=3)),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), bounds),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$startsWith"), st.sampled_from(["", "a", "ab"])),
)
at_a_path = st.recursive(
    st.lists(operators, min_size=1, max_size=2).map(dict),
    lambda inner: inner.map(lambda given: {"$not": given}),
    max_leaves=2,
)
filters = st.recursive(
    st.dictionaries(paths, st.one_of(operands, at_a_path), min_size=1, max_size=2),
    lambda inner: st.one_of(
        inner.map(lambda one: {"$not": one}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"$or": some}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"$and": some}),
    ),
    max_leaves=4,
)


def naive(conditions: dict[str, Any], event: Any) -> bool | None:
    found = []
    for key, value in conditions.items():
        if key == "$not":
            found.append(flipped(naive(value, event)))
        elif key in ("$or", "$and"):
            parts = [naive(part, event) for part in value]
            found.append(either(parts) if key == "$or" else every(parts))
        else:
            operators = value if isinstance(value, dict) else {"$eq": value}
            found.append(naive_at(operators, ends(event, key.split("."))))
    return every(found)


def naive_at(operators: dict[str, Any], at: list[Any]) -> bool | None:
    leaves = flat(at)
    found: list[bool | None] = []
    for name, operand in operators.items():
        if name == "$not":
            found.append(flipped(naive_at(operand, at)))
        elif name == "$exists":
            found.append(bool(at) is operand)
        elif name in ("$eq", "$in"):
            wanted = operand if name == "$in" else [operand]
            found.append(any(same(leaf, one) for leaf in leaves for one in wanted))
        elif name in ("$ne", "$nin"):
            wanted = operand if name == "$nin" else [operand]
            found.append(not any(same(leaf, one) for leaf in leaves for one in wanted))
        else:
            found.append(either([holds(name, leaf, operand) for leaf in leaves]))
    return every(found)


def holds(name: str, leaf: Any, operand: Any) -> bool | None:
    if leaf is None:
        return False
    if is_number(leaf) != is_number(operand) or isinstance(leaf, str) != isinstance(operand, str):
        return None
    if name == "$startsWith":
        return bool(leaf[: len(operand)] == operand)
    ranks = {"$gt": [1], "$gte": [0, 1], "$lt": [-1], "$lte": [-1, 0]}
    return (leaf > operand) - (leaf < operand) in ranks[name]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    if is_number(one) and is_number(other):
        return bool(one == other)
    return type(one) is type(other) and not isinstance(one, dict) and bool(one == other)


def ends(value: Any, names: list[str]) -> list[Any]:
    if not names:
        return [value]
    name, rest = names[0], names[1:]
    if isinstance(value, dict):
        return ends(value[name], rest) if name in value else []
    if isinstance(value, list) and name.isdigit():
        return ends(value[int(name)], rest) if int(name) < len(value) else []
    if isinstance(value, list):
        return [end for element in value for end in ends(element, names)]
    return []


def flat(some: list[Any]) -> list[Any]:
    return [x for one in some for x in (flat(one) if isinstance(one, list) else [one])]


def flipped(one: bool | None) -> bool | None:
    return None if one is None else not one


def every(some: list[bool | None]) -> bool | None:
    return False if False in some else None if None in some else True


def either(some: list[bool | None]) -> bool | None:
    return True if True in some else None if None in some else False


@settings(max_examples=200, deadline=None)
@given(filters, events)
def test_a_filter_says_what_a_plain_evaluation_says(
    conditions: dict[str, Any], event: dict[str, Any]
) -> None:
    verdict = parse(conditions).match(event)
    assert verdict.matches is naive(conditions, event)
    assert bool(verdict.reason) is (verdict.matches is None)
    assert len(verdict.reason) <= 200
    # What a database gives back is the same filter.
    assert compiled(json.dumps(conditions, sort_keys=True)).match(event).matches is verdict.matches


anything = st.recursive(
    st.one_of(plain, st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=3), st.sampled_from(["$and", "$or", "$not", "$in", "$gt", "a.b"])
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(anything, events)
def test_whatever_is_given_is_a_filter_or_refused(conditions: Any, event: dict[str, Any]) -> None:
    with contextlib.suppress(ValidationError):
        assert parse(conditions).match(event).matches in {True, False, None}
    compiled(json.dumps(conditions)).match(event)
