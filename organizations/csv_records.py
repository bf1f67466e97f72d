"""Reads CSV that people have exported from somewhere, a line at a time and within limits."""

import codecs
import csv
from collections.abc import Iterator
from itertools import chain
from typing import IO

MAX_BYTES = 50 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
DELIMITERS = ",;\t"

# What a file begins with that is no CSV in UTF-8, and what to say of it.
FOREIGN_STARTS = {
    b"PK\x03\x04": "This is a spreadsheet or a zip archive. Save it as CSV in UTF-8.",
    codecs.BOM_UTF16_LE: "The file is in UTF-16. Save it as CSV in UTF-8.",
    codecs.BOM_UTF16_BE: "The file is in UTF-16. Save it as CSV in UTF-8.",
    b"\x1f\x8b": "The file is compressed. Unpack it first.",
}


class Unreadable(Exception):
    """From `line` on the file can not be read; `message` says why, for people."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def records(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The number of the line that it begins on, and the cells, of every record; the header first.

    Records without any text are left out. Bytes that are no UTF-8 come as lone surrogates (PEP
    383). Raises Unreadable, also in the midst.
    """
    lines = _lines(file)
    start = []
    for line in lines:
        start.append(line)
        if line.strip():
            break
    else:
        raise Unreadable(1, "The file is empty.")
    # No name of a column has a delimiter in it, so the header tells which one it is.
    delimiter = max(DELIMITERS, key=start[-1].count)
    reader = csv.reader(chain(start, lines), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(number, _BAD_QUOTES) from error
        if any(cells):
            yield number, cells


_BAD_QUOTES = (
    "The double quotes do not fit. A cell in quotes ends with one, right before the next delimiter"
    " or the end of the line, and a quote inside of it is written twice."
)


def _lines(file: IO[bytes]) -> Iterator[str]:
    """Raises Unreadable."""
    number = read_bytes = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        read_bytes += len(line)
        if number == 1:
            line = _without_mark(line)
        if read_bytes > MAX_BYTES:
            raise Unreadable(
                number,
                f"The file has more than {MAX_BYTES // 1024**2} MB. Split it; each part needs"
                " the header.",
            )
        if len(line) > MAX_LINE_BYTES:
            raise Unreadable(number, f"The line has more than {MAX_LINE_BYTES // 1024} KB.")
        if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
            raise Unreadable(
                number,
                "A carriage return (CR) stands within the line. Save the file with lines that"
                " end in LF or CR LF.",
            )
        yield line.decode("utf-8", "surrogateescape")


def _without_mark(first_line: bytes) -> bytes:
    """Raises Unreadable."""
    for start, message in FOREIGN_STARTS.items():
        if first_line.startswith(start):
            raise Unreadable(1, message)
    return first_line.removeprefix(codecs.BOM_UTF8)
