"""Schemas written by customers: told what is wrong, never fetched, never endless."""

import concurrent.futures
import copy
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from events import json_schema
from events.json_schema import Failure, SchemaError, check_schema, compiled, failures

DRAFTS = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
]
DRAFT_7 = DRAFTS[2]


WRONG: list[dict[str, Any]] = [
    {"type": "text"},
    {"type": 3},
    {"properties": []},
    {"required": "a"},
    {"$schema": DRAFT_7, "prefixItems": 3, "unevaluatedItems": 1, "$ref": "#/prefixItems/0"},
    {"minimum": "1"},
    {"allOf": []},
    {"allOf": {}},
    {"$ref": "#/definitions/missing"},
    {"$ref": "#nowhere"},
    {"$ref": 3},
    {"$schema": "https://example.com/own"},
    {"$schema": "http://json-schema.org/draft-03/schema#"},
    {"$schema": 7},
    {"properties": {"a": {"items": {"type": "strin"}}}},
]


@pytest.mark.parametrize("schema", WRONG, ids=json.dumps)
def test_a_wrong_schema_is_refused_in_a_sentence(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError) as refused:
        check_schema(schema)
    assert 10 < len(str(refused.value)) <= 400


def test_the_place_of_a_mistake_is_told() -> None:
    with pytest.raises(SchemaError, match=r"properties\.a\.minLength"):
        check_schema({"properties": {"a": {"minLength": -1}}})


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_keyword_of_several_forms_is_told_what_they_are(draft: str) -> None:
    with pytest.raises(SchemaError, match=r"^properties\.a\.type: has to be array, boolean, "):
        check_schema({"$schema": draft, "properties": {"a": {"type": "text"}}})


@pytest.mark.parametrize("draft", DRAFTS)
def test_all_five_drafts_are_understood(draft: str) -> None:
    schema = {
        "$schema": draft,
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"type": "integer"}, "l": {"items": {"minLength": 2}}},
    }
    check_schema(schema)
    assert failures(schema, {"n": 1, "l": ["ab"]}) == []
    found = failures(schema, {"n": "1", "l": ["ab", "a"]})
    assert [failure.path for failure in found] == ["n", "l[1]"]


def test_without_a_draft_the_newest_holds() -> None:
    assert failures({"prefixItems": [{"const": 1}]}, [2]) == [Failure("[0]", "must be 1")]


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_metaschema_of_the_own_draft_may_be_referred_to(draft: str) -> None:
    schema = {"$schema": draft, "properties": {"schema": {"$ref": draft}}}
    check_schema(schema)
    assert failures(schema, {"schema": {"type": "string"}}) == []
    assert failures(schema, {"schema": {"type": 3}}) != []


def test_a_recursive_schema_finds_what_is_wrong_deep_inside() -> None:
    schema = {"required": ["n"], "properties": {"n": {"type": "integer"}, "left": {"$ref": "#"}}}
    event = {"n": 1, "left": {"n": 2, "left": {"n": "3", "left": {}}}}
    paths = {failure.path for failure in failures(schema, event)}
    assert paths == {"left.left.n", "left.left.left.n"}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$recursiveRef", "$schema", "$id"])
@pytest.mark.parametrize("draft", [*DRAFTS, None])
def test_no_address_in_a_schema_is_ever_visited(
    listener: socket.socket, keyword: str, draft: str | None
) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    head = {"$schema": draft} if draft else {}
    for schema in (
        {**head, keyword: url},
        {**head, "properties": {"a": {keyword: url}}},
        {**head, "$id": url, "items": {"$ref": "other.json"}},
        {**head, "definitions": {"a": {keyword: url}}, "items": {"$ref": "#/definitions/a"}},
        {**head, "default": {keyword: url}, "enum": [{keyword: url}]},
        {**head, "unknown": {keyword: url}, "items": {"$ref": "#/unknown"}},
    ):
        try:
            failures(schema, {"a": 1})
        except SchemaError as refused:
            assert len(str(refused)) <= 400  # noqa: PT017 # some of them are harmless
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "reference",
    ["http://example.com/a.json", "file:///etc/passwd", "other.json", "//host/a", "urn:a:b"],
)
def test_a_reference_to_elsewhere_is_refused(reference: str) -> None:
    with pytest.raises(SchemaError, match="leads outside of the schema"):
        check_schema({"properties": {"a": {"$ref": reference}}})


def test_format_is_a_remark_not_a_rule() -> None:
    assert failures({"$schema": DRAFT_7, "format": "email"}, "no address") == []


def test_a_schema_is_compiled_once_whoever_asks() -> None:
    schema = {"title": "compiled once", "properties": {"a": {"type": "string"}}}
    assert compiled(schema) is compiled(copy.deepcopy(schema))
    assert compiled(schema) is not compiled({**schema, "minProperties": 1})


def test_changing_a_schema_changes_the_answer() -> None:
    schema: dict[str, Any] = {"title": "changing", "type": "string"}
    assert failures(schema, "a") == []
    schema["type"] = "integer"
    assert failures(schema, "a") != []
    assert compiled({"title": "changing", "const": 1}) is not compiled(
        {"title": "changing", "const": True}
    )


def test_a_compiled_schema_is_apart_from_the_one_it_was_made_of() -> None:
    schema = {"title": "apart", "properties": {"a": {"type": "string"}}}
    kept = compiled(schema)
    schema["properties"] = {}
    assert not kept.accepts({"a": 1})
    assert kept.failures({"a": 1}) == [Failure("a", "must be a string, not a number")]


def test_the_cache_forgets_what_was_not_asked_for_lately() -> None:
    first = compiled({"title": "first"})
    for number in range(json_schema.MAX_COMPILED + 5):
        compiled({"title": f"filler {number}"})
    assert compiled({"title": "first"}) is not first
    assert len(json_schema._compiled) == json_schema.MAX_COMPILED


def test_many_threads_get_the_same_answers() -> None:
    schemas = [{"title": str(n), "type": "object", "required": [f"a{n}"]} for n in range(20)]

    def ask(number: int) -> list[Failure]:
        return failures(schemas[number % 20], {})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(400)))
    assert answers == [[Failure(f"a{n % 20}", "is missing")] for n in range(400)]
