import json

import pytest

from events.payload_lines import MAX_CHARACTERS, MAX_LINES, payload_lines

PAYLOAD = (
    '{"eventName":"x","n":1.50,"none":{},"data":{"items":[{"a":1},{"a b":[]}],'
    '"text":"\\u00e9\\"}{","list":[1,[2,3]]},"end":null}'
)


def test_lines_are_laid_out_with_numbers_as_they_are_written() -> None:
    laid_out = payload_lines('{"a":1.50,"b":[1e3,-0.0],"c":{},"d":[],"e":{"f":"}{,:"}}')
    assert "\n".join(laid_out.lines) == (
        '{\n  "a": 1.50,\n  "b": [\n    1e3,\n    -0.0\n  ],\n  "c": {},\n  "d": [],\n'
        '  "e": {\n    "f": "}{,:"\n  }\n}'
    )
    assert laid_out.is_whole


def test_letters_are_shown_as_letters() -> None:
    assert '    "text": "é\\"}{",' in payload_lines(PAYLOAD).lines


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", "{"),
        ("eventName", '"eventName": "x",'),
        ("data.items[0].a", '"a": 1'),
        ('data.items[1]["a b"]', '"a b": []'),
        ("data.list[1][1]", "3"),
        ("end", '"end": null'),
    ],
)
def test_a_path_has_the_line_where_it_begins(path: str, line: str) -> None:
    laid_out = payload_lines(PAYLOAD, with_paths=True)
    number = laid_out.line_for(path)
    assert number is not None
    assert laid_out.lines[number - 1].strip() == line


@pytest.mark.parametrize(
    ("path", "place"), [("data.items[1].missing", "data.items[1]"), ("missing", ""), ("a[0].b", "")]
)
def test_what_is_missing_has_the_line_of_what_it_is_missing_in(path: str, place: str) -> None:
    laid_out = payload_lines(PAYLOAD, with_paths=True)
    assert laid_out.line_for(path) == laid_out.line_for(place)


def test_the_layout_reads_back_as_the_payload() -> None:
    assert json.loads("\n".join(payload_lines(PAYLOAD).lines)) == json.loads(PAYLOAD)


def test_no_more_lines_than_can_be_read_are_laid_out() -> None:
    laid_out = payload_lines(json.dumps({"a": list(range(100_000)), "b": 1}), with_paths=True)
    assert len(laid_out.lines) == MAX_LINES
    assert not laid_out.is_whole
    assert laid_out.line_for("a[5]") == 8
    assert laid_out.line_for("a[99999]") is None
    assert laid_out.line_for("b") is None


def test_a_long_text_is_cut() -> None:
    laid_out = payload_lines(json.dumps({"a": "x" * 1_000_000, "b": 1}))
    assert not laid_out.is_whole
    assert len(laid_out.lines[1]) < MAX_CHARACTERS + 100
    assert "998,002 more characters" in laid_out.lines[1]
    assert laid_out.lines[2] == '  "b": 1'


def test_depth_does_no_harm() -> None:
    assert payload_lines("[" * 64 + "]" * 64).is_whole
    assert not payload_lines("[" * 100_000 + "]" * 100_000).is_whole
