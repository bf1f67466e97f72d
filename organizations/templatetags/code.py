"""JSON and headers as numbered lines, made by the server: hostile text is shown, never run."""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

MOST_LINES = 5_000
CONTEXT = 3  # lines that are shown on either side of what differs
CHANGES = {"added": "ins", "removed": "del"}
KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(?=: )')
NOTHING = re.compile(r"(?!)")
HEADER = re.compile(r"^([^\s:]+: )")


class _AsWritten(str):
    """A number as the producer wrote it."""

    __slots__ = ()


def pretty(text: str) -> str:
    """JSON text indented by two, its numbers and key order as they are; other text unchanged."""
    try:
        value = json.loads(text, parse_float=_AsWritten, parse_int=_AsWritten)
        return "".join(_written(value, 0))
    except (ValueError, RecursionError):
        return text


def _written(value: Any, depth: int) -> Iterable[str]:
    if isinstance(value, _AsWritten):
        yield value
    elif isinstance(value, dict) and value:
        pairs = ((f"{_quoted(key)}: ", inner) for key, inner in value.items())
        yield from _block("{", pairs, "}", depth)
    elif isinstance(value, list) and value:
        yield from _block("[", (("", inner) for inner in value), "]", depth)
    else:
        yield json.dumps(value, ensure_ascii=False)


def _block(
    opening: str, parts: Iterable[tuple[str, Any]], closing: str, depth: int
) -> Iterable[str]:
    indent = "  " * (depth + 1)
    yield opening
    for index, (before, inner) in enumerate(parts):
        yield f"{',' if index else ''}\n{indent}{before}"
        yield from _written(inner, depth + 1)
    yield f"\n{'  ' * depth}{closing}"


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


@register.simple_tag
def json_code(value: Any, label: str, wrong: Collection[int] = ()) -> SafeString:
    """`value`: JSON text, or what `json.dumps` takes. `wrong`: numbers of lines to mark."""
    text = pretty(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return _code(text.split("\n"), label, KEY, wrong)


@register.simple_tag
def json_lines(lines: Iterable[str], label: str, wrong: Collection[int] = ()) -> SafeString:
    """Lines of JSON that is laid out already."""
    return _code(list(lines), label, KEY, wrong)


@register.simple_tag
def plain_code(text: str, label: str) -> SafeString:
    """A source file as it is."""
    return _code(text.rstrip("\n").split("\n"), label, NOTHING, ())


@register.simple_tag
def header_code(lines: Iterable[str], label: str) -> SafeString:
    """Lines of which `Name:` is set off."""
    return _code(list(lines), label, HEADER, ())


@register.simple_tag
def difference_code(lines: Iterable[tuple[str, int | None, str]], label: str) -> SafeString:
    """Lines of JSON as (kind, number, text): "added", "removed" or the same as before.

    Of long stretches between changes only the ends are shown.
    """
    shown = islice(_folded(list(lines)), MOST_LINES)
    return _pre(label, format_html_join("", "{}", ((line,) for line in shown)))


def _folded(lines: list[tuple[str, int | None, str]]) -> Iterator[SafeString]:
    if not any(kind in CHANGES for kind, _, _ in lines):
        yield from map(_difference, lines)
        return
    for is_changed, run in groupby(lines, key=lambda line: line[0] in CHANGES):
        stretch = list(run)
        hidden = 0 if is_changed else len(stretch) - 2 * CONTEXT
        if hidden < 2:
            yield from map(_difference, stretch)
            continue
        yield from map(_difference, stretch[:CONTEXT])
        yield format_html('<span class="line fold" data-n="⋯">{} lines unchanged</span>', hidden)
        yield from map(_difference, stretch[-CONTEXT:])


def _difference(line: tuple[str, int | None, str]) -> SafeString:
    kind, number, text = line
    element = CHANGES.get(kind, "span")
    return format_html(
        '<{0} class="line" data-n="{1}">{2}</{0}>',
        element,
        "" if number is None else number,
        _line(text, KEY),
    )


def _pre(label: str, content: SafeString) -> SafeString:
    return format_html(
        '<pre class="code" tabindex="0" role="region" aria-label="{}"><code>{}</code></pre>',
        label,
        content,
    )


def _code(
    lines: list[str], label: str, name: re.Pattern[str], wrong: Collection[int]
) -> SafeString:
    shown = format_html_join(
        "",
        '<span class="line" data-n="{}"{}>{}</span>',
        (
            (n, format_html(' data-wrong id="L{}"', n) if n in wrong else "", _line(line, name))
            for n, line in enumerate(lines[:MOST_LINES], 1)
        ),
    )
    rest = len(lines) - MOST_LINES
    more = format_html('<span class="line fold">{} more lines</span>', rest) if rest > 0 else ""
    return _pre(label, format_html("{}{}", shown, more))


def _line(line: str, name: re.Pattern[str]) -> SafeString:
    found = name.match(line)
    if found is None:
        return escape(line)
    key, rest = line[: found.end()], line[found.end() :]
    indent = key[: len(key) - len(key.lstrip())]
    return format_html('{}<span class="key">{}</span>{}', indent, key.lstrip(), rest)
