import json
import re
from html import unescape

import pytest

from organizations.templatetags.code import MOST_LINES, header_code, json_code, pretty


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
