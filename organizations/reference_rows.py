"""Makes rows of a file of reference data, and gathers what is wrong with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from organizations.csv_records import Unreadable, records
from organizations.reference_formats import Column, Format, IdentifierKind, WrongCell, shown

MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_PROBLEMS = 1_000

# Control characters, and bytes that were no UTF-8.
_SUSPICIOUS = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


INVALID, REPEATED = "reference_invalid", "reference_repeated"

Identifier = tuple[IdentifierKind, str]


class Problem(NamedTuple):
    """What is wrong on a line (the first is 1), in which column ("": the line as a whole).

    Of an array in JSON `line` is the place of the element (the first is 0).
    """

    line: int
    column: str
    message: str
    code: str = INVALID


@dataclass(slots=True)
class Problems:
    """The first of them, and how many there are beyond."""

    listed: list[Problem] = field(default_factory=list)
    more: int = 0

    def __bool__(self) -> bool:
        return bool(self.listed)

    def add(self, line: int, column: str, message: str, code: str = INVALID) -> None:
        if len(self.listed) < MAX_PROBLEMS:
            self.listed.append(Problem(line, column, message, code))
        else:
            self.more += 1


class Row(NamedTuple):
    """The values of a line by the names of its columns, those alone that the file has.

    `sources`: all identifiers of a customer in a source, which take the place of what is there.
    """

    line: int
    id: int
    values: dict[str, Any]
    sources: Mapping[str, frozenset[Identifier]] = {}


class Rows:
    """The rows of a file without a fault; what is wrong with the others goes into `problems`.

    `columns` is what the file has, known as soon as the first row comes.
    """

    def __init__(self, form: Format, file: IO[bytes], problems: Problems) -> None:
        self._form = form
        self._file = file
        self._problems = problems
        self._line_of: dict[int, int] = {}
        self.columns: list[Column] = []

    def __iter__(self) -> Iterator[Row]:
        try:
            yield from self._rows()
        except Unreadable as end:
            self._problems.add(
                end.line, "", f"{end.message} Nothing from this line on has been read."
            )

    def _rows(self) -> Iterator[Row]:
        lines = records(self._file)
        if not self._take_header(*next(lines)):
            return
        count = 0
        for count, (line, cells) in enumerate(lines, 1):
            if count > MAX_ROWS:
                raise Unreadable(
                    line,
                    f"The file has more than {MAX_ROWS:,} rows. Split it; each part needs"
                    " the header.",
                )
            row = self._row(line, cells)
            if row is not None:
                yield row
        if not count:
            self._problems.add(1, "", "There is no row after the header.")

    def _take_header(self, line: int, headings: list[str]) -> bool:
        """Whether the columns are known now."""
        if len(headings) > MAX_COLUMNS:
            self._problems.add(line, "", f"There are more than {MAX_COLUMNS} columns.")
            return False
        found: dict[str, Column] = {}
        is_right = True
        for position, heading in enumerate(headings, 1):
            column = self._form.column(heading)
            if column is None:
                message = f"is no column of {self._form.kind}." if heading else "has no name."
            elif column.name in found:
                message = "stands twice in the header."
            else:
                found[column.name] = column
                continue
            self._problems.add(line, heading_shown(heading, position), message)
            is_right = False
        for column in self._form.columns:
            if column.required and column.name not in found:
                self._problems.add(line, column.name, "is missing in the header.")
                is_right = False
        self.columns = list(found.values())
        return is_right

    def _row(self, line: int, cells: list[str]) -> Row | None:
        """None when something is wrong with it."""
        if len(cells) != len(self.columns):
            self._problems.add(
                line, "", f"has {len(cells)} cells, the header names {len(self.columns)} columns."
            )
            return None
        values: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            try:
                values[column.name] = value_of(column, cell)
            except WrongCell as wrong:
                self._problems.add(line, column.name, str(wrong))
        row_id = values.get(self._form.id_name)
        if row_id is None:
            return None
        first = self._line_of.setdefault(row_id, line)
        if first != line:
            self._problems.add(
                line, self._form.id_name, f"stands on line {first} already: {row_id}."
            )
            return None
        return Row(line, row_id, values) if len(values) == len(cells) else None


def heading_shown(heading: str, position: int) -> str:
    """A heading of the file as a problem names it."""
    return shown(heading) if heading else f"column {position}"


def value_of(column: Column, cell: str) -> Any:
    """Raises WrongCell."""
    if not cell:
        if column.required:
            raise WrongCell("is empty.")
        return column.empty
    suspicious = _SUSPICIOUS.search(cell)
    if suspicious:
        character = suspicious[0]
        if character >= "\ud800":
            raise WrongCell("is not in UTF-8.")
        name = {"\0": "a NUL byte", "\n": "a line break", "\t": "a tab"}.get(character)
        raise WrongCell(f"has {name or 'a control character'} in it.")
    return column.read(cell)
