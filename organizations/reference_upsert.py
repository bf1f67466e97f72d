"""Writes rows of reference data, in as few statements as it takes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from django.db import connection, models

from organizations.database import fetch, is_postgresql
from organizations.models import Customer, CustomerIdentifier, Organization, Store, Till
from organizations.reference_formats import Column, Format, IdentifierKind
from organizations.reference_rows import Identifier, Row

MODELS: Mapping[str, type[models.Model]] = {"tills": Till, "stores": Store, "customers": Customer}

DELETED_AT_ONCE = 10_000  # SQLite takes up to 32,766 parameters

INSERT_ARRAYS = """
    INSERT INTO organizations_customeridentifier (customer_id, source, account_id, kind, value)
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[])
"""
INSERT_ROW = """
    INSERT INTO organizations_customeridentifier (customer_id, source, account_id, kind, value)
    VALUES (%s, %s, %s, %s, %s)
"""


class Upsert:
    """Creates and updates rows of one organisation, and counts them.

    To be used within one transaction that holds the organisation's row.
    """

    def __init__(self, organization: Organization, form: Format) -> None:
        self._organization = organization
        self._model = MODELS[form.kind]
        self._id_name = form.id_name
        self.created = 0
        self.updated = 0
        self.unchanged = 0

    def write(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Columns that are not named, or that a row has no value for, keep what they hold."""
        fields = [column.name for column in columns if column.identifier is None]
        fields.remove(self._id_name)
        stored = self._stored(rows)
        new = {row.id: self._made(row, fields) for row in rows if row.id not in stored}
        changed = {
            row.id: self._made(row, fields, stored[row.id])
            for row in rows
            if row.id in stored
            and any(
                getattr(stored[row.id], name) != row.values[name]
                for name in fields
                if name in row.values
            )
        }
        self._model._default_manager.bulk_create(new.values())
        if changed:
            self._model._default_manager.bulk_create(
                changed.values(),
                update_conflicts=True,
                unique_fields=["organization", self._id_name],
                update_fields=fields,
            )
        kinds = {column.name: column.identifier for column in columns if column.identifier}
        touched = set(changed)
        if kinds:
            keys = {row_id: row.pk for row_id, row in (stored | new).items()}
            sources = {kind.source for kind in kinds.values()}.union(*(r.sources for r in rows))
            there = _stored_identifiers(sources, [row.pk for row in stored.values()])
            touched |= _write_identifiers(kinds, rows, keys, there) - set(new)
        self.created += len(new)
        self.updated += len(touched)
        self.unchanged += len(rows) - len(new) - len(touched)

    def _stored(self, rows: Sequence[Row]) -> dict[int, models.Model]:
        condition = {f"{self._id_name}__in": [row.id for row in rows]}
        own = self._model._default_manager.filter(organization=self._organization, **condition)
        return {getattr(row, self._id_name): row for row in own}

    def _made(
        self, row: Row, fields: Sequence[str], stored: models.Model | None = None
    ) -> models.Model:
        values: dict[str, Any] = {name: row.values[name] for name in fields if name in row.values}
        if stored is not None:
            values = {name: getattr(stored, name) for name in fields} | values
        return self._model(organization=self._organization, **{self._id_name: row.id}, **values)


def _write_identifiers(
    kinds: Mapping[str, IdentifierKind],
    rows: Sequence[Row],
    keys: Mapping[int, int],
    stored: Mapping[int, Mapping[Identifier, int]],
) -> set[int]:
    """Make the customers' identifiers of these kinds what the rows say; ids of those it changes.

    `kinds` is by the columns' names; `keys` are the customers' primary keys by their ids.
    """
    surplus: list[int] = []
    missing: list[tuple[int | str, ...]] = []
    changed = set()
    for row in rows:
        key = keys[row.id]
        told = {kind for name, kind in kinds.items() if name in row.values}
        there = {
            identifier: pk
            for identifier, pk in stored.get(key, {}).items()
            if identifier[0] in told or identifier[0].source in row.sources
        }
        wanted = set(_identifiers(kinds, row))
        if wanted == there.keys():
            continue
        changed.add(row.id)
        surplus += (there[identifier] for identifier in there.keys() - wanted)
        missing += ((key, *kind, value) for kind, value in sorted(wanted - there.keys()))
    for start in range(0, len(surplus), DELETED_AT_ONCE):
        part = surplus[start : start + DELETED_AT_ONCE]
        CustomerIdentifier.objects.filter(pk__in=part).delete()
    _insert_identifiers(missing)
    return changed


def _identifiers(kinds: Mapping[str, IdentifierKind], row: Row) -> Iterator[Identifier]:
    for name, kind in kinds.items():
        for value in row.values.get(name, ()):
            yield kind, value
    for identifiers in row.sources.values():
        yield from identifiers


def _insert_identifiers(rows: Sequence[tuple[int | str, ...]]) -> None:
    """Without model instances, which would take ten times as long as the database does."""
    if not rows:
        return
    if is_postgresql():
        fetch(INSERT_ARRAYS, [list(column) for column in zip(*rows, strict=True)])
        return
    with connection.cursor() as cursor:
        cursor.executemany(INSERT_ROW, rows)


def _stored_identifiers(
    sources: Set[str], customer_keys: Sequence[int]
) -> dict[int, dict[Identifier, int]]:
    """Primary keys of identifiers in these sources, by the primary keys of customers."""
    stored: dict[int, dict[Identifier, int]] = defaultdict(dict)
    found = CustomerIdentifier.objects.filter(customer__in=customer_keys, source__in=sources)
    names = ("pk", "customer_id", "value", *IdentifierKind._fields)
    for pk, customer_key, value, *kind_parts in found.values_list(*names):
        stored[customer_key][IdentifierKind(*kind_parts), value] = pk
    return stored
