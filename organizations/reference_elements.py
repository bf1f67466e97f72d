"""Makes rows of reference data in JSON, and gathers what is wrong with it.

What a value may be is told by the columns of the CSV formats; here are the JSON's own names and
types. What an element does not name keeps what it holds; null, and an empty text or array, empty
it. A source other than `instore` is replaced as a whole.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from organizations.reference_formats import (
    IDENTIFIER_HEADING,
    INSTORE,
    Column,
    Format,
    IdentifierKind,
    WrongCell,
    identifier_part,
    one_identifier,
)
from organizations.reference_rows import REPEATED, Identifier, Problems, Row, value_of
from organizations.sources import PAYLOAD_KEYS, canonical

MAX_IDENTIFIERS = 500  # of one customer

# The JSON's name of each column of the CSV file, by kind.
NAMES: Mapping[str, Mapping[str, str]] = {
    "tills": {"till_id": "id", "code": "code", "name": "name", "store_id": "storeId"},
    "stores": {
        "store_id": "id",
        "code": "code",
        "name": "name",
        "external_id": "externalId",
        "external_id_1": "externalId1",
        "external_id_2": "externalId2",
    },
    "customers": {
        "customer_id": "id",
        "points_balance": "availablePointsBalance",
        "mobile": "instore.mobile",
        "email": "instore.email",
        "external_id": "instore.externalId",
        "card_numbers": "instore.cardNumbers",
    },
}
NUMBERS = frozenset({"till_id", "store_id", "customer_id"})
SEVERAL = frozenset({"card_numbers"})
POINTS = "points_balance"
ABSENT = object()


def columns_of(form: Format) -> list[Column]:
    """Those that have a name in JSON."""
    return [column for column in form.columns if column.name != IDENTIFIER_HEADING]


@dataclass(slots=True)
class Elements:
    """The rows of an array; what is wrong with them goes into `problems`.

    Rows with a fault have what could be read. `unknown` are the names that mean nothing, as paths
    into the array.
    """

    form: Format
    problems: Problems
    unknown: list[str] = field(default_factory=list)
    _place_of: dict[int, int] = field(default_factory=dict)

    def rows(self, elements: Sequence[object]) -> list[Row]:
        found = (self._row(place, element) for place, element in enumerate(elements))
        return [row for row in found if row is not None]

    def _row(self, place: int, element: object) -> Row | None:
        """None for what is no object."""
        if not isinstance(element, dict):
            self.problems.add(place, "", "is no object.")
            return None
        flat = self._flat(place, element)
        values = dict(self._values(place, flat))
        sources = self._sources(place, element) if self.form.kind == "customers" else {}
        count = sum(map(len, sources.values())) + len(values.get("card_numbers", ()))
        if count > MAX_IDENTIFIERS:
            self.problems.add(place, "", f"has more than {MAX_IDENTIFIERS} identifiers.")
        row_id = values.get(self.form.id_name)
        if row_id is not None:
            first = self._place_of.setdefault(row_id, place)
            if first != place:
                self.problems.add(place, "id", f"stands at [{first}] already: {row_id}.", REPEATED)
        return Row(place, row_id or 0, values, sources)

    def _flat(self, place: int, element: Mapping[str, Any]) -> dict[str, Any]:
        """By the names of NAMES, with those that an empty `instore` empties."""
        names = NAMES[self.form.kind].values()
        flat: dict[str, Any] = {}
        for key, value in element.items():
            if key in names and "." not in key:
                flat[key] = value
            elif self.form.kind != "customers" or _source(key) is None:
                self.unknown.append(f"[{place}].{key}")
            elif _source(key) == INSTORE:
                flat |= self._instore(place, key, value)
        return flat

    def _instore(self, place: int, key: str, value: object) -> dict[str, Any]:
        names = [name for name in NAMES["customers"].values() if name.startswith(f"{INSTORE}.")]
        if value is None:
            return dict.fromkeys(names)
        if not isinstance(value, dict):
            self.problems.add(place, key, "is no object.")
            return {}
        inner = {f"{INSTORE}.{name}": found for name, found in value.items()}
        self.unknown += (f"[{place}].{name}" for name in inner if name not in names)
        return {name: found for name, found in inner.items() if name in names}

    def _values(self, place: int, flat: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for column in columns_of(self.form):
            name = NAMES[self.form.kind][column.name]
            value = flat.get(name, ABSENT)
            if value is ABSENT and not column.required:
                continue
            try:
                yield column.name, _read(column, value)
            except WrongCell as wrong:
                self.problems.add(place, name, "is missing." if value is ABSENT else str(wrong))

    def _sources(self, place: int, element: Mapping[str, Any]) -> dict[str, frozenset[Identifier]]:
        """The identifiers of the sources that are named, but for the one of the shops."""
        sources: dict[str, frozenset[Identifier]] = {}
        named: dict[str, str] = {}
        for key, value in element.items():
            source = _source(key)
            if source is None:
                continue
            if source in named:
                self.problems.add(place, key, f"is the same source as {named[source]}.", REPEATED)
            named[source] = key
            if source != INSTORE:
                sources[source] = frozenset(self._identifiers(place, key, source, value))
        return sources

    def _identifiers(
        self, place: int, key: str, source: str, value: object
    ) -> Iterator[Identifier]:
        for at, account in self._inside(place, key, value, "accounts"):
            account_id = self._text(place, at, account, "accountId", "account_id")
            for spot, one in self._inside(place, at, account, "identifiers", "accountId"):
                self._note_unknown(place, spot, one, "identifierType", "identifierValue")
                kind = self._text(place, spot, one, "identifierType", "kind")
                found = self._text(place, spot, one, "identifierValue", "value")
                if account_id and kind and found:
                    yield IdentifierKind(source, account_id, kind), found

    def _inside(
        self, place: int, at: str, value: object, name: str, *others: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects, and their places, of the array that `value` has under this name."""
        if value is None:
            return
        if not isinstance(value, dict):
            self.problems.add(place, at, "is no object.")
            return
        self._note_unknown(place, at, value, name, *others)
        inside = value.get(name)
        if inside is not None and not isinstance(inside, list):
            self.problems.add(place, f"{at}.{name}", "is no array.")
            return
        for number, inner in enumerate(inside or ()):
            if isinstance(inner, dict):
                yield f"{at}.{name}[{number}]", inner
            else:
                self.problems.add(place, f"{at}.{name}[{number}]", "is no object.")

    def _note_unknown(self, place: int, at: str, value: Mapping[str, Any], *known: str) -> None:
        self.unknown += (f"[{place}].{at}.{name}" for name in value if name not in known)

    def _text(
        self, place: int, at: str, value: Mapping[str, Any], name: str, field_name: str
    ) -> str:
        """ "" when something is wrong with it."""
        column = Column(name, "", "", identifier_part(field_name), required=True)
        try:
            return str(_read(column, value.get(name, ABSENT)))
        except WrongCell as wrong:
            message = "is missing." if name not in value else str(wrong)
            self.problems.add(place, f"{at}.{name}", message)
            return ""


def _source(key: str) -> str | None:
    return PAYLOAD_KEYS.get(canonical(key))


def _read(column: Column, value: Any) -> Any:
    """As the column reads a cell with this text. Raises WrongCell."""
    if value is ABSENT or value is None:
        return value_of(column, "")
    if column.name in SEVERAL:
        return _several(value)
    if column.name in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongCell("is no whole number.")
        return value_of(column, _digits(value))
    if column.name == POINTS and not isinstance(value, str):
        return value_of(column, _decimal(value))
    if not isinstance(value, str):
        raise WrongCell("is no text.")
    return value_of(column, value.strip())


def _several(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise WrongCell("is no array.")
    found: set[str] = set()
    for number, one in enumerate(value):
        if not isinstance(one, str) or not one.strip():
            raise WrongCell(f"[{number}] is no text.")
        column = Column("", "", "", one_identifier)
        found |= value_of(column, one.strip())
    return frozenset(found)


def _digits(number: int) -> str:
    """Those beyond 64 bits are cut: they are refused, and take long to write."""
    return str(number) if abs(number) < 2**64 else str(2**64)


def _decimal(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WrongCell("is no number.")
    return _digits(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")
