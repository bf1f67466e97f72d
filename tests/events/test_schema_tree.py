import json
from typing import Any

import pytest

from events.catalogue import CATALOGUE, standard_schema
from events.schema_tree import schema_tree
from events.templatetags.schema import schema_branches
from tests.events.schema_trees import everything, field_of, names, tree_of_data


def property_names(schema: dict[str, Any]) -> set[str]:
    return set(schema.get("properties", {})).union(
        *(property_names(part) for part in schema.get("allOf", []))
    )


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_standard_type_is_shown_whole(name: str) -> None:
    schema = standard_schema(name)
    tree = schema_tree(schema)
    assert tree.is_complete
    assert tree.is_of_data
    nodes = [*everything(tree.fields), *everything(tree.envelope)]
    assert not any(node.hidden for node in nodes)
    assert all(node.name and node.type for node in everything(tree.fields)[1:] if node.is_field)
    told = property_names(schema["properties"]["data"])
    assert {node.name for node in tree.fields.children if node.is_field} == told
    assert {"eventName", "eventId", "orgId", "createdAt"} <= set(names(tree.envelope))
    assert "data" not in names(tree.envelope)
    assert str(schema_branches(tree.fields)).count("<li>") == len(everything(tree.fields)) - 1


def test_fields_tell_type_description_and_whether_they_are_required() -> None:
    tree = tree_of_data(
        {
            "required": ["amount"],
            "properties": {
                "amount": {"type": "number", "description": "What was paid."},
                "note": {"type": ["string", "null"]},
            },
        }
    )
    amount, note = tree.fields.children
    assert (amount.type, amount.required, amount.about) == ("number", True, "What was paid.")
    assert (note.type, note.required, note.about) == ("string or null", False, "")


def test_a_schema_without_data_shows_all_its_fields() -> None:
    tree = schema_tree({"properties": {"a": {}, "b": {}}})
    assert not tree.is_of_data
    assert names(tree.fields) == ["a", "b"]


def test_an_array_is_shown_as_what_it_holds() -> None:
    node = field_of({"type": "array", "items": {"type": "object", "properties": {"id": {}}}})
    assert node.type == "array of object"
    assert names(node) == ["id"]
    assert field_of({"items": {"items": {"type": "string"}}}).type == "array of array of string"


def test_places_of_an_array_are_numbered() -> None:
    node = field_of({"prefixItems": [{"type": "string"}, {"type": "integer"}]})
    assert node.type == "array"
    assert [(child.name, child.type) for child in node.children] == [
        ("[0]", "string"),
        ("[1]", "integer"),
    ]


@pytest.mark.parametrize(
    ("schema", "kind", "note"),
    [
        ({"enum": ["A", "B"]}, "string", "One of A, B"),
        ({"enum": list(range(25))}, "integer", "One of 0, 1, 2"),
        ({"enum": list(range(25))}, "integer", "and 5 more"),
        ({"const": 4.5}, "number", "Always 4.5"),
        ({"const": None}, "null", "Always null"),
        ({"type": "string", "format": "date-time"}, "string", "Format date-time"),
        ({"type": "string", "pattern": "^[0-9]+$"}, "string", "Pattern ^[0-9]+$"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, "integer", "From 1 to 5"),
        ({"type": "integer", "minimum": 0}, "integer", "0 or more"),
        ({"type": "boolean", "default": False}, "boolean", "false if left out"),
        ({"properties": {}, "additionalProperties": False}, "any", "No other fields"),
        ({"if": {}, "then": {}}, "any", "Further conditions in the JSON Schema"),
        ({"$ref": "https://schemas.example/x"}, "any", "As defined at https://schemas.example/x"),
        (False, "never", ""),
        (True, "any", ""),
    ],
)
def test_what_else_is_known_is_noted(schema: Any, kind: str, note: str) -> None:
    node = field_of(schema)
    assert node.type == kind
    assert note in " ".join(node.notes)


def test_names_by_pattern_and_any_other_name_are_told_apart_from_fields() -> None:
    node = field_of(
        {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": {"type": "null"}}
    )
    assert [(child.name, child.type, child.is_field) for child in node.children] == [
        ("Names like ^x-", "string", False),
        ("Any other name", "null", False),
    ]


def test_what_all_of_says_is_one() -> None:
    node = field_of(
        {
            "allOf": [
                {"required": ["a"], "properties": {"a": {"type": "string"}}},
                {"properties": {"a": {"const": "x"}, "b": {}}},
            ]
        }
    )
    assert names(node) == ["a", "b"]
    first = node.children[0]
    assert (first.type, first.required, first.notes) == ("string", True, ["Always x"])


def test_alternatives_stand_below_what_says_how_many_may_hold() -> None:
    node = field_of(
        {"oneOf": [{"properties": {"card": {}}}, {"type": "string", "properties": {"cash": {}}}]}
    )
    (choice,) = node.children
    assert choice.name == "Exactly one of"
    assert not choice.is_field
    assert names(choice) == ["Alternative 1", "Alternative 2"]
    assert [names(alternative) for alternative in choice.children] == [["card"], ["cash"]]


def test_alternatives_of_types_are_one_type() -> None:
    node = field_of({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]})
    assert (node.type, node.notes, node.children) == ("string or null", ["Format uuid"], [])


def test_alternatives_of_what_is_required_name_the_fields() -> None:
    tree = schema_tree(standard_schema("pointsExpired"))
    choice = tree.fields.children[-1]
    assert choice.name == "At least one of"
    assert [child.words for child in choice.children] == [
        "customerIdentifiers required",
        "entityInformation required",
    ]


def test_references_inside_of_the_schema_are_followed() -> None:
    money = {"type": "object", "properties": {"currency": {"type": "string"}}}
    node = field_of({"$ref": "#/$defs/a~1b%25"}, **{"$defs": {"a/b%": money}})
    assert node.type == "object"
    assert names(node) == ["currency"]


def test_a_reference_into_itself_is_said_and_not_followed() -> None:
    person = {"properties": {"name": {}, "parent": {"$ref": "#/definitions/person"}}}
    node = field_of({"$ref": "#/definitions/person"}, definitions={"person": person})
    parent = node.children[1]
    assert parent.notes == ["Repeats #/definitions/person"]
    assert parent.children == []
    assert field_of({"$ref": "#"}).notes == ["Repeats #"]


def test_few_fields_are_open_at_first_and_many_are_not() -> None:
    few: Any = {"properties": {"a": {"properties": {"b": {"properties": {"c": {}}}}}}}
    many: Any = {"properties": {"a": {"properties": {f"f{n}": {} for n in range(100)}}}}
    assert schema_branches(tree_of_data(few).fields).count("<details open>") == 1
    assert schema_branches(tree_of_data(many).fields).count("<details open>") == 0


def test_the_outline_says_the_same_as_text() -> None:
    tree = tree_of_data(
        {
            "required": ["a"],
            "properties": {
                "a": {
                    "type": "object",
                    "description": "The first.",
                    "properties": {"b": {"enum": [1, 2]}},
                }
            },
        }
    )
    assert list(tree.fields.outline()) == [
        "a object required: The first",
        "  b integer: One of 1, 2",
    ]


def test_the_schema_is_left_as_it_is() -> None:
    schema = standard_schema("pointsRedeemed")
    before = json.dumps(schema)
    schema_tree(schema)
    assert json.dumps(schema) == before
