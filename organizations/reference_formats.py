"""The CSV formats of reference data: which columns a file has, and what a cell may hold.

The one place that describes them, for the page, the command's help and the README.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models

from organizations.models import Customer, CustomerIdentifier, Store, Till
from organizations.sources import PAYLOAD_KEYS, canonical

MIN_ID, MAX_ID = -(2**63), 2**63 - 1
SEPARATOR = "|"  # of several values in one cell
SHOWN_LENGTH = 40
INSTORE = PAYLOAD_KEYS["Instore"]

_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


class WrongCell(ValueError):
    """What is wrong with a cell, in words that follow its column's name."""


class IdentifierKind(NamedTuple):
    """What a column of customers' identifiers holds: values of this kind, in this account."""

    source: str
    account_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Column:
    """`read` makes a value of a cell with text, or raises WrongCell; `empty` is one without.

    A file may leave out columns that are not required: what is stored stays then.
    """

    name: str
    description: str
    example: str
    read: Callable[[str], Any]
    empty: Any = ""
    required: bool = False
    identifier: IdentifierKind | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """The columns of one kind of file. The first one is the id that rows are told apart by."""

    kind: str
    description: str
    columns: tuple[Column, ...]

    @property
    def id_name(self) -> str:
        return self.columns[0].name

    @property
    def names(self) -> str:
        """The columns in one line."""
        return ", ".join(column.name for column in self.columns)

    @property
    def example(self) -> str:
        """A file with every column and one row."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            EXAMPLE_HEADING if column.name == IDENTIFIER_HEADING else column.name
            for column in self.columns
        )
        writer.writerow(column.example for column in self.columns)
        return text.getvalue()

    def column(self, heading: str) -> Column | None:
        """The column that a header means by this, in any case; None when there is none."""
        for column in self.columns:
            if column.name == heading.lower() and column.name != IDENTIFIER_HEADING:
                return column
        has_identifiers = self.columns[-1].name == IDENTIFIER_HEADING
        return _identifier_column(heading) if has_identifiers else None


def shown(text: str) -> str:
    """The text in quotes, cut, and such that it can be written anywhere."""
    text = text.encode("utf-8", "replace").decode()
    return f"“{text[: SHOWN_LENGTH - 1]}…”" if len(text) > SHOWN_LENGTH else f"“{text}”"


def whole_number(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        hint = " A spreadsheet may have shortened it." if re.search("[eE][+]", text) else ""
        raise WrongCell(f"is no whole number: {shown(text)}.{hint}")
    # Longer ones are beyond the range whatever they are, and `int` refuses some of them.
    number = int(text) if len(text.lstrip("+-0")) < 20 else MAX_ID + 1
    if not MIN_ID <= number <= MAX_ID:
        raise WrongCell(f"is beyond 64 bits: {shown(text)}.")
    return number


def _max_length(model: type[models.Model], field_name: str) -> int:
    field = model._meta.get_field(field_name)
    if not isinstance(field, models.CharField) or field.max_length is None:
        raise TypeError(f"{field_name} has no length")
    return field.max_length


def text_for(model: type[models.Model], field_name: str) -> Callable[[str], str]:
    """Reads text that fits into that field."""
    max_length = _max_length(model, field_name)

    def read(text: str) -> str:
        if len(text) > max_length:
            raise WrongCell(f"has {len(text)} characters, {max_length} fit.")
        return text

    return read


def points(text: str) -> Decimal:
    field = Customer._meta.get_field("points_balance")
    whole_digits = field.max_digits - field.decimal_places
    if not _DECIMAL.fullmatch(text):
        hint = " Write a point, not a comma." if "," in text else ""
        raise WrongCell(f"is no number: {shown(text)}.{hint}")
    whole, _, decimals = text.lstrip("+-0").partition(".")
    if len(whole) > whole_digits or len(decimals.rstrip("0")) > field.decimal_places:
        raise WrongCell(
            f"has too many digits, {whole_digits} before and {field.decimal_places} after the"
            " point fit."
        )
    return Decimal(text)


def identifier_part(field_name: str) -> Callable[[str], str]:
    """Reads an account's id, a type or a value of customers' identifiers."""
    return text_for(CustomerIdentifier, field_name)


_identifier = identifier_part("value")


def one_identifier(text: str) -> frozenset[str]:
    return frozenset([_identifier(text)])


def several_identifiers(text: str) -> frozenset[str]:
    return frozenset(_identifier(part) for part in map(str.strip, text.split(SEPARATOR)) if part)


IDENTIFIER_HEADING = "<source>/<account>/<type>"
EXAMPLE_HEADING = "wechat/tamarind-house/unionId"
_MAX_ACCOUNT = _max_length(CustomerIdentifier, "account_id")
_MAX_KIND = _max_length(CustomerIdentifier, "kind")
_SOURCES = [key for key in PAYLOAD_KEYS.values() if key != INSTORE]


def _identifier_column(heading: str) -> Column | None:
    source, _, rest = heading.partition("/")
    account_id, _, kind = rest.rpartition("/")
    key = PAYLOAD_KEYS.get(canonical(source.strip()))
    account_id, kind = account_id.strip(), kind.strip()
    fits = len(account_id) <= _MAX_ACCOUNT and len(kind) <= _MAX_KIND
    if key not in _SOURCES or not account_id or not kind or not fits:
        return None
    return _of_identifiers(f"{key}/{account_id}/{kind}", IdentifierKind(key, account_id, kind))


def _of_identifiers(
    name: str,
    identifier: IdentifierKind,
    description: str = "",
    example: str = "",
    read: Callable[[str], frozenset[str]] = one_identifier,
) -> Column:
    return Column(name, description, example, read, frozenset(), identifier=identifier)


def _text(model: type[models.Model], name: str, description: str, example: str) -> Column:
    return Column(name, description, example, text_for(model, name))


def _instore(name: str, kind: str, description: str, example: str) -> Column:
    return _of_identifiers(name, IdentifierKind(INSTORE, "", kind), description, example)


def _code(model: type[models.Model], example: str) -> Column:
    return Column("code", "Its code.", example, text_for(model, "code"), required=True)


_STORES = Format(
    "stores",
    "Stores, which tills belong to.",
    (
        Column("store_id", "The store's id.", "50001", whole_number, required=True),
        _code(Store, "sin.orchard"),
        _text(Store, "name", "Its name.", "Orchard Singapore"),
        _text(Store, "external_id", "Its id in another system.", "st-22201"),
        _text(Store, "external_id_1", "A second one.", ""),
        _text(Store, "external_id_2", "A third one.", ""),
    ),
)
_TILLS = Format(
    "tills",
    "Tills, as events name them in enteredBy, addedBy, updatedBy and createdBy.",
    (
        Column("till_id", "The till's id in events.", "75152721", whole_number, required=True),
        _code(Till, "sin.orchard.till1"),
        _text(Till, "name", "Its name.", "Till 1, Orchard"),
        Column(
            "store_id",
            "The id of its store, which is here already; empty: none.",
            "50001",
            whole_number,
            empty=None,
        ),
    ),
)
_CUSTOMERS = Format(
    "customers",
    "Customers, with what they are known by.",
    (
        Column(
            "customer_id",
            "The customer's id in events.",
            "482579328",
            whole_number,
            required=True,
        ),
        Column(
            "points_balance",
            "Available points, with up to 4 decimals.",
            "1240.50",
            points,
            empty=None,
        ),
        _instore("mobile", "mobile", "Mobile number in the source instore.", "919009535723"),
        _instore("email", "email", "E-mail address there.", "member35723@example.com"),
        _instore("external_id", "externalId", "Id in another system.", "ext-535723"),
        _of_identifiers(
            "card_numbers",
            IdentifierKind(INSTORE, "", "cardNumber"),
            f"Card numbers, several with {SEPARATOR} between them.",
            "8800-1204-0031|8800-1204-0195",
            several_identifiers,
        ),
        Column(
            IDENTIFIER_HEADING,
            "An identifier of that type in that account of another source, any number of such"
            f" columns. Sources: {', '.join(_SOURCES)}.",
            "uTamarind-77b1e2d4",
            one_identifier,
        ),
    ),
)

FORMATS: Mapping[str, Format] = {form.kind: form for form in (_TILLS, _STORES, _CUSTOMERS)}
