"""A payload as lines for people, and where in them the paths of its failures are."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from events.schema_failures import path_text

MAX_LINES: Final = 2_000
MAX_CHARACTERS: Final = 2_000  # of one string

_PIECE: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_CLOSING: Final = {"{": "}", "[": "]"}


@dataclass(slots=True)
class PayloadLines:
    """The first lines of a JSON text, its numbers as they are written.

    `is_whole` tells whether nothing was left out. `line_of` has the number of the line, from 1,
    where each path begins; `closed` the containers that end within the lines.
    """

    lines: list[str] = field(default_factory=list)
    is_whole: bool = True
    line_of: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def line_for(self, path: str) -> int | None:
        """Of what is missing: the line of what it is missing in. None if that is not shown."""
        place = path
        while place not in self.line_of:
            if not place:
                return None
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        is_certain = place == path or self.is_whole or place in self.closed
        return self.line_of[place] if is_certain else None


def payload_lines(text: str, *, with_paths: bool = False) -> PayloadLines:
    """`text` is JSON that was checked when it was accepted; no more of it is read than is shown."""
    layout = _Layout(with_paths)
    for piece in _pieces(text):
        if len(layout.shown.lines) >= MAX_LINES:
            layout.shown.is_whole = False
            break
        layout.add(piece)
    layout.end_line()
    return layout.shown


def _pieces(text: str) -> Iterator[str]:
    """With `{}` and `[]` as one."""
    opening = ""
    for found in _PIECE.finditer(text):
        piece = found[0]
        if opening:
            is_empty = piece == _CLOSING[opening]
            yield opening + piece if is_empty else opening
            opening = ""
            if is_empty:
                continue
        if piece in _CLOSING:
            opening = piece
        else:
            yield piece


class _Layout:
    """Where in the text one is: `path` holds the name or the index in each open container."""

    def __init__(self, with_paths: bool) -> None:
        self.shown = PayloadLines()
        self.with_paths = with_paths
        self.line = ""
        self.path: list[str | int] = []
        self.is_name = False

    def add(self, piece: str) -> None:
        if piece in ("}", "]"):
            self._close(piece)
        elif piece == ",":
            self._next()
        elif piece == ":":
            self.line += ": "
        elif self.is_name:
            self._name(piece)
        else:
            self._value(piece)

    def end_line(self) -> None:
        if self.line.strip():
            self.shown.lines.append(self.line)
        self.line = "  " * len(self.path)

    def _name(self, piece: str) -> None:
        self.is_name = False
        self.path[-1] = json.loads(piece) if self.with_paths else piece
        self.line += self._string(piece)

    def _value(self, piece: str) -> None:
        self._note()
        if piece in _CLOSING:
            self.line += piece
            self.is_name = piece == "{"
            self.path.append("" if self.is_name else 0)
            self.end_line()
            return
        self.line += self._string(piece) if piece.startswith('"') else piece

    def _close(self, piece: str) -> None:
        self.path.pop()
        self.is_name = False
        self.end_line()
        self.line += piece
        if self.with_paths:
            self.shown.closed.add(path_text(self.path))

    def _next(self) -> None:
        self.line += ","
        self.end_line()
        step = self.path[-1]
        if isinstance(step, int):
            self.path[-1] = step + 1
        else:
            self.is_name = True

    def _note(self) -> None:
        if self.with_paths:
            self.shown.line_of.setdefault(path_text(self.path), len(self.shown.lines) + 1)

    def _string(self, piece: str) -> str:
        """Letters as letters, and no more than fit."""
        if "\\u" in piece:
            piece = json.dumps(json.loads(piece), ensure_ascii=False)
        if len(piece) <= MAX_CHARACTERS:
            return piece
        self.shown.is_whole = False
        rest = len(piece) - MAX_CHARACTERS
        return f'{piece[:MAX_CHARACTERS]}…" ({rest:,} more characters)'
