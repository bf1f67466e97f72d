"""Schemas of others, however large or odd they are, as a tree."""

from typing import Any

import pytest

from events.schema_tree import MAX_CHILDREN, MAX_DEPTH, MAX_NODES, Node, Tree, schema_tree
from events.templatetags.schema import schema_branches
from tests.events.schema_trees import depth, everything, field_of, tree_of_data


def test_thousands_of_fields_are_cut_and_counted() -> None:
    tree = tree_of_data({"properties": {f"field{n}": {"type": "string"} for n in range(10_000)}})
    assert len(tree.fields.children) == MAX_CHILDREN
    assert tree.fields.hidden == 10_000 - MAX_CHILDREN
    assert f"{10_000 - MAX_CHILDREN:,} more" in schema_branches(tree.fields)
    assert list(tree.fields.outline())[-1] == "… 9,800 more"


def test_what_is_cut_is_what_lies_deepest() -> None:
    inner: Any = {"properties": {f"inner{n}": {} for n in range(100)}}
    tree = tree_of_data({"properties": {f"outer{n}": inner for n in range(100)}})
    assert len(tree.fields.children) == 100
    assert len(everything(tree.fields)) <= MAX_NODES + 1
    assert tree.fields.children[0].hidden == 0
    assert tree.fields.children[-1].hidden == 100


def test_a_deep_schema_ends_somewhere() -> None:
    schema: dict[str, Any] = {}
    for _ in range(500):
        schema = {"properties": {"more": schema}}
    tree = tree_of_data(schema)
    assert depth(tree.fields) == MAX_DEPTH + 1
    for _ in range(500):
        schema = {"items": schema}
    assert len(field_of(schema).type) < 200


def test_references_that_double_at_every_step_end_soon() -> None:
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for n in range(1, 60):
        both = {"$ref": f"#/definitions/d{n - 1}"}
        definitions[f"d{n}"] = {"properties": {"left": both, "right": both}}
    tree = tree_of_data({"$ref": "#/definitions/d59"}, definitions=definitions)
    assert len(everything(tree.fields)) <= MAX_NODES + 1


def test_a_schema_that_is_too_much_says_so() -> None:
    wide = {"properties": {f"f{n}": {"$ref": "#/definitions/wide"} for n in range(300)}}
    parts = [{"$ref": f"#/definitions/p{n}"} for n in range(50)]
    definitions: Any = {
        f"p{n}": {"properties": {f"f{k}": {} for k in range(300)}} for n in range(50)
    }
    loop = {"properties": {f"g{n}": {"allOf": parts} for n in range(200)}}
    tree = tree_of_data(loop, definitions={**definitions, "wide": wide})
    assert not tree.is_complete
    assert len(everything(tree.fields)) <= MAX_NODES + 1


@pytest.mark.parametrize("keyword", ["properties", "allOf", "anyOf", "items", "required", "type"])
@pytest.mark.parametrize(
    "value", [None, 7, "text", [], {}, [None, 7, [], {}], {"a": None, "b": [1]}, True]
)
def test_what_is_no_schema_is_passed_over(keyword: str, value: Any) -> None:
    assert isinstance(schema_tree(value), Tree)
    assert isinstance(field_of({keyword: value}), Node)
    assert isinstance(field_of({"enum": value, "const": value, "$ref": value}), Node)
    schema_branches(schema_tree({keyword: value, "properties": {"data": {keyword: value}}}).fields)


def test_texts_of_others_are_cut_and_stay_in_their_line() -> None:
    tree = tree_of_data(
        {
            "properties": {
                "x" * 5_000: {"description": "long " * 5_000},
                "a\nb\u202ec\ud800": {"description": "one\r\n  two"},
            }
        }
    )
    long, strange = tree.fields.children
    assert len(long.name) == 100
    assert long.name.endswith("…")
    assert len(long.about) == 500
    assert strange.name == "a b\ufffdc\ufffd"
    assert strange.about == "one two"
    "\n".join(tree.fields.outline()).encode()


def test_texts_of_others_are_shown_and_not_run() -> None:
    evil = "<script>alert(1)</script>"
    data = {"properties": {evil: {"description": evil, "enum": [evil], "properties": {evil: {}}}}}
    markup = schema_branches(tree_of_data(data).fields)
    assert "<script>" not in markup
    assert markup.count("&lt;script&gt;") == 4
