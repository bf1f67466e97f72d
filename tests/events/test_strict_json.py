import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.strict_json import StrictJSONError, depth, dumps, loads, loads_each


def refusal(body: bytes) -> tuple[str, str]:
    with pytest.raises(StrictJSONError) as refused:
        loads(body)
    return refused.value.code, refused.value.path


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":[1.0,-0.5,1e+22],"é":"\U0001f600"}',
        "[]",
        '"a [ { \\" \\\\"',
        "1.0",
        "null",
        str(10**399),
        str(-(10**399)),
        "[" * 64 + "]" * 64,
        '"' + "[" * 1000 + '"',
    ],
)
def test_what_is_read_is_written_again_to_the_letter(text: str) -> None:
    assert dumps(loads(text.encode())) == text


def test_a_byte_order_mark_is_skipped() -> None:
    assert loads(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b"", "json_malformed", ""),
        (b"{", "json_malformed", ""),
        (b"{'a': 1}", "json_malformed", ""),
        (b"[1,]", "json_malformed", ""),
        (b"{} {}", "json_malformed", ""),
        (b'"a\x00b"', "json_malformed", ""),
        (b'"\xff"', "json_not_utf8", ""),
        (b'"\xed\xa0\x80"', "json_not_utf8", ""),
        ('{"a": 1}'.encode("utf-16"), "json_not_utf8", ""),
        (b'{"a": {"b": 1, "b": 2}}', "json_duplicate_key", "a.b"),
        (b'{"a": 1, "\\u0061": 2}', "json_duplicate_key", "a"),
        (b'[{"a b": 1, "a b": 2}]', "json_duplicate_key", '[0]["a b"]'),
        (b'{"a": [0, NaN]}', "json_not_finite", "a[1]"),
        (b"Infinity", "json_not_finite", ""),
        (b'{"a": -Infinity}', "json_not_finite", "a"),
        (b'{"a": 1e999}', "json_not_finite", "a"),
        (b'{"a": ' + b"9" * 401 + b"}", "json_number_too_long", "a"),
        (b'{"a": -' + b"9" * 5000 + b"}", "json_number_too_long", "a"),
        (b'{"a": [NaN], "b": 1, "b": 2}', "json_not_finite", "a[0]"),
        (b'{"a": NaN', "json_malformed", ""),
        (b'{"a": "x\\u0000"}', "json_nul", "a"),
        (b'{"x\\u0000": 1}', "json_nul", '["x\\u0000"]'),
        (b'{"a": ["\\ud83d"]}', "json_surrogate", "a[0]"),
        (b'{"\\udc00": 1}', "json_surrogate", '["\\udc00"]'),
        (b"[" * 65 + b"]" * 65, "json_too_deep", ""),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "json_too_deep", ""),
        (b"[" * 1_000_000, "json_too_deep", ""),
    ],
)
def test_what_others_would_read_differently_is_refused(body: bytes, code: str, path: str) -> None:
    assert refusal(body) == (code, path)


def test_escapes_that_make_whole_characters_pass() -> None:
    assert loads(b'["\\ud83d\\ude00", "\\\\u0000", "\\\\ud800"]') == ["😀", "\\u0000", "\\ud800"]


def test_a_path_is_bounded_whatever_the_key() -> None:
    key = b"k" * 100_000
    _, path = refusal(b'{"' + key + b'": NaN}')
    assert len(path) < 200


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('ab[]{}"\\é'), inner),
    max_leaves=20,
)


@given(values)
def test_every_value_survives_a_round_trip(value: Any) -> None:
    text = dumps(value)
    assert json.loads(text) == value
    assert dumps(loads(text.encode())) == text
    assert dumps(loads(json.dumps(value).encode())) == text


def nesting(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(nesting, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(nesting, value), default=0)
    return 0


@given(values)
def test_the_scan_tells_the_depth_of_the_value(value: Any) -> None:
    assert depth(json.dumps(value).encode()) in {nesting(value), max(nesting(value), 1)}


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(StrictJSONError):
        assert loads(body) == json.loads(body.removeprefix(b"\xef\xbb\xbf"))


@pytest.mark.parametrize(
    "part", [b"[", b"[]", b'"[', b'\\"', b'"', b'"\\', b'["', b'"\\u0000",', b"1,", b"]"]
)
def test_a_hostile_megabyte_is_refused_in_bounded_time(part: bytes) -> None:
    body = b"[" + part * (2**20 // len(part))
    started = time.process_time()
    with pytest.raises(StrictJSONError):
        loads(body)
    assert time.process_time() - started < 20  # work that grows with the square takes minutes


def test_the_elements_of_an_array_are_refused_each_for_itself() -> None:
    body = b' [ {"a":1.0} , NaN,{"a":1,"a":2} ,"\\u0000", 1e999 ] '
    first, *others = loads_each(body)
    assert first == {"a": 1.0}
    assert [error.code for error in others] == [
        *("json_not_finite", "json_duplicate_key", "json_nul", "json_not_finite"),
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b"[1] 2", b"[1,]", b"[,1]", b"\xff", b"[1 2]"])
def test_what_is_no_array_can_not_be_taken_apart(body: bytes) -> None:
    with pytest.raises(StrictJSONError):
        loads_each(body)


def test_an_array_of_very_many_is_not_taken_apart() -> None:
    assert len(loads_each(b"[" + b"1," * 999 + b"NaN]")) == 1000
    with pytest.raises(StrictJSONError):
        loads_each(b"[" + b"NaN," * 1_000_000 + b"1]")
