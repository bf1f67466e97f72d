import json
import re
from html import unescape

import pytest

from organizations.templatetags.code import (
    CONTEXT,
    MOST_LINES,
    difference_code,
    header_code,
    json_code,
    pretty,
)


def text_of(html: str) -> str:
    lines = re.findall(r'<span class="line"[^>]*>(.*?)</span>(?=<span class="line|</code>)', html)
    return "\n".join(unescape(re.sub(r"<[^>]+>", "", line)) for line in lines)


def test_numbers_and_key_order_stay_as_they_were_sent() -> None:
    sent = '{"z": 1.0, "a": 12345678901234567890123, "e": 1E+2, "n": null, "t": [true, [], {}]}'
    assert pretty(sent).split("\n") == [
        "{",
        '  "z": 1.0,',
        '  "a": 12345678901234567890123,',
        '  "e": 1E+2,',
        '  "n": null,',
        '  "t": [',
        "    true,",
        "    [],",
        "    {}",
        "  ]",
        "}",
    ]


@pytest.mark.parametrize(
    "text", ["", "not json", "{", '{"a": }', "[" * 100_000, "[" * 700 + "]" * 700]
)
def test_what_is_no_json_is_shown_as_it_is(text: str) -> None:
    assert pretty(text) == text


def test_what_is_shown_is_the_same_json() -> None:
    sent = {"data": {'na"me:': "Ünal </code>", "list": [1, "two", None, {"x": -0.5}]}}
    html = json_code(json.dumps(sent), "payload")
    assert json.loads(text_of(html)) == sent


def test_hostile_text_is_shown_not_run() -> None:
    hostile = "</code></pre><script>alert(1)</script>"
    for html in (
        json_code(json.dumps({hostile: hostile}), hostile),
        json_code(hostile, "body"),
        header_code([f"{hostile}: {hostile}"], "headers"),
    ):
        assert "<script" not in html


def test_marked_lines_are_those_that_were_named() -> None:
    html = json_code('{"a": 1, "b": 2}', "payload", wrong=[3])
    assert html.count("data-wrong") == 1
    assert '<span class="line" data-n="3" data-wrong id="L3">' in html


def test_keys_and_header_names_are_set_off() -> None:
    assert '<span class="key">&quot;a&quot;</span>: 1' in json_code('{"a": 1}', "x")
    assert '<span class="key">Retry-After: </span>60' in header_code(["Retry-After: 60"], "x")


def test_a_very_long_text_ends_with_how_much_is_missing() -> None:
    html = json_code(json.dumps(list(range(MOST_LINES + 100))), "payload")
    assert html.count('class="line"') == MOST_LINES
    assert "102 more lines" in html


def same(count: int, first: int = 1) -> list[tuple[str, int | None, str]]:
    return [("same", number, f'"k{number}": 0,') for number in range(first, first + count)]


def test_what_differs_is_marked_and_long_stretches_of_the_same_are_folded() -> None:
    lines = [*same(20), ("removed", None, '"a": []'), ("added", 21, '"a": [1]'), *same(4, 22)]
    html = difference_code(lines, "Differences")
    assert '<del class="line" data-n=""><span class="key">&quot;a&quot;</span>: []</del>' in html
    assert '<ins class="line" data-n="21">' in html
    assert f"{20 - 2 * CONTEXT} lines unchanged" in html
    assert html.count("lines unchanged") == 1
    for number in (1, CONTEXT, 20, 25):
        assert f'data-n="{number}"' in html
    assert f'data-n="{CONTEXT + 1}"' not in html


def test_what_does_not_differ_is_not_folded() -> None:
    html = difference_code(same(50), "Differences")
    assert "unchanged" not in html
    assert html.count('class="line"') == 50


def test_differences_are_bounded_and_hostile_text_is_shown() -> None:
    lines = [("added", number, "<script>alert(1)</script>") for number in range(MOST_LINES + 10)]
    html = difference_code(lines, '"><b>')
    assert html.count("<ins") == MOST_LINES
    assert "<script" not in html
    assert "<b>" not in html
