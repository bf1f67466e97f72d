"""JSON as it comes from outside: refused early where databases, receivers or parsers would differ.

Accepted is RFC 8259 in UTF-8 (a byte order mark is skipped) without what that RFC leaves open:
repeated keys, numbers beyond IEEE doubles, unlimited depth, NUL and lone surrogates in strings.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import accumulate, islice
from typing import Any, NoReturn

MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 400

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_SIGNS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_STRING_OF_MARKS = re.compile(rb'"[^"]*"?')
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$-]{1,100}")


class StrictJSONError(ValueError):
    """A text that is refused. `code` is symbolic; `path` tells the place, "" the whole body."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


def loads(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text. Integers are exact, other numbers are doubles, key order is kept.

    Raises StrictJSONError.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if depth(body) > max_depth:
        raise StrictJSONError("json_too_deep", f"The JSON is more than {max_depth} levels deep.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8: byte {error.start} does not fit."
        raise StrictJSONError("json_not_utf8", message) from None
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg}, line {error.lineno} column {error.colno}."
        raise StrictJSONError("json_malformed", message) from None
    except _Refused:
        _raise_with_path(text)
    if _SUSPICIOUS_ESCAPE.search(body):
        _check_strings(value, "")
    return value


def loads_each(body: bytes, *, max_elements: int = 1_000) -> list[Any]:
    """The elements of an array of which some are refused: their StrictJSONErrors in their places.

    Raises StrictJSONError for a text that can not be taken apart into elements, or into too many:
    each costs a parser of its own.
    """
    try:
        text = body.removeprefix(_BYTE_ORDER_MARK).decode()
        elements = list(islice(_elements(text), max_elements + 1))
    except (ValueError, RecursionError):
        raise StrictJSONError("json_malformed", "The body is not an array of JSON.") from None
    if len(elements) > max_elements:
        message = f"The array has more than {max_elements} elements."
        raise StrictJSONError("json_malformed", message)
    return [_loaded_or_error(element) for element in elements]


def _elements(text: str) -> Iterator[str]:
    """The texts of an array's elements, each as it stands. Raises ValueError."""
    decode = json.JSONDecoder(parse_int=len, parse_float=len).raw_decode
    at = _after(text, 0, "[")
    while True:
        _, end = decode(text, at)
        yield text[at:end]
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing too
        if text[at : at + 1] == "]":
            if text[at + 1 :].strip(" \t\r\n"):
                raise ValueError
            return
        at = _after(text, at, ",")


def _after(text: str, at: int, mark: str) -> int:
    """The place of the first character that means something behind the mark."""
    found = re.compile(rf"[ \t\r\n]*{re.escape(mark)}[ \t\r\n]*").match(text, at)
    if found is None:
        raise ValueError
    return found.end()


def _loaded_or_error(text: str) -> Any:
    try:
        return loads(text.encode())
    except StrictJSONError as error:
        return error


def depth(body: bytes) -> int:
    """How deep a JSON text goes, without parsing it; brackets within strings do not count."""
    if body.count(b"[") + body.count(b"{") <= 1:
        return 1
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes side by side end and begin a string, or are an empty one: neither changes what
    # stands inside of strings and what outside.
    marks = body.translate(None, _NO_MARKS).replace(b'""', b"")
    signs = _STRING_OF_MARKS.sub(b"", marks).translate(_SIGNS)
    return max(accumulate(memoryview(signs).cast("b")), default=0)


class _Refused(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused
    return value


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS and len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise _Refused
    return int(text)


def _constant(_: str) -> NoReturn:
    raise _Refused


_decode: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_constant
).decode
_encode: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


def dumps(value: Any) -> str:
    """Compact JSON of what `loads` answers: keys in order, 1.0 as 1.0, integers exact."""
    return _encode(value)


class _Flaw:
    """Stands in the tree of a refused text where something is wrong."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message


class _Pairs(list[tuple[str, Any]]):
    """An object with its keys as sent, repeated ones included."""


def _raise_with_path(text: str) -> NoReturn:
    """Parse a refused text once more, with its flaws in place, and tell the first one's path."""
    tree = json.JSONDecoder(
        object_pairs_hook=_Pairs,
        parse_float=lambda number: 0.0 if math.isfinite(float(number)) else _NOT_FINITE,
        parse_int=lambda digits: _LONG if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS else 0,
        parse_constant=lambda _: _NOT_FINITE,
    ).decode
    try:
        value = tree(text)
    except json.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg}, line {error.lineno} column {error.colno}."
        raise StrictJSONError("json_malformed", message) from None
    path, flaw = next(_flaws(value, ""))
    raise StrictJSONError(flaw.code, flaw.message, path)


_NOT_FINITE = _Flaw("json_not_finite", "Not a number that JSON or a double can hold.")
_LONG = _Flaw("json_number_too_long", f"More than {MAX_INTEGER_DIGITS} digits.")


def _flaws(value: Any, path: str) -> Iterator[tuple[str, _Flaw]]:
    if isinstance(value, _Flaw):
        yield path, value
    elif isinstance(value, _Pairs):
        seen = set()
        for key, item in value:
            if key in seen:
                yield _join(path, key), _Flaw("json_duplicate_key", "The key is repeated.")
            seen.add(key)
            yield from _flaws(item, _join(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws(item, f"{path}[{index}]")


def _check_strings(value: Any, path: str) -> None:
    """Raises StrictJSONError for NUL or half of a surrogate pair in a string or key."""
    if isinstance(value, str):
        if "\0" in value:
            raise StrictJSONError("json_nul", "A string holds the character NUL.", path)
        if not value.isascii() and _SURROGATE.search(value):
            raise StrictJSONError("json_surrogate", "A string holds half a surrogate pair.", path)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_strings(key, _join(path, key))
            _check_strings(item, _join(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_strings(item, f"{path}[{index}]")


def _join(path: str, key: str) -> str:
    """`path.key`; a key that is no plain word is quoted, escaped and cut."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key[:100])}]"
