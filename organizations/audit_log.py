"""Reading the audit log: filtered, page by page, however long it is."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from organizations.database import fetch
from organizations.models import AuditEntry, Organization
from organizations.times import EPOCH

PER_PAGE = 50
PER_CHUNK = 1_000
MOST_CHOICES = 500
CURSOR = re.compile(r"([0-9]{1,16})-([0-9]{1,18})", re.ASCII)
MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Filters:
    """Empty or None: does not matter. `thing` is an object's id or its whole name."""

    person: str = ""
    action: str = ""
    object_type: str = ""
    thing: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None  # exclusive

    def of(self, organization: Organization) -> QuerySet[AuditEntry]:
        exact = {
            "actor_code": self.person,
            "action": self.action,
            "object_type": self.object_type,
            "at__gte": self.since,
            "at__lt": self.until,
        }
        entries = AuditEntry.objects.for_organization(organization).filter(
            **{name: value for name, value in exact.items() if value}
        )
        if self.thing:
            entries = entries.filter(Q(object_id=self.thing) | Q(object_name=self.thing))
        return entries


class Position(NamedTuple):
    """A place between entries: beside this one."""

    at: dt.datetime
    pk: int

    @classmethod
    def of(cls, entry: AuditEntry) -> "Position":
        return cls(entry.at, entry.pk)

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """None for what is no position."""
        found = CURSOR.fullmatch(text)
        if found is None:
            return None
        try:
            return cls(EPOCH + int(found[1]) * MICROSECOND, int(found[2]))
        except OverflowError:
            return None

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // MICROSECOND}-{self.pk}"


@dataclass(frozen=True)
class Part:
    """Entries, newest first, and whether there are newer and older ones."""

    entries: list[AuditEntry]
    has_newer: bool
    has_older: bool

    @property
    def newer(self) -> str:
        return str(Position.of(self.entries[0])) if self.has_newer else ""

    @property
    def older(self) -> str:
        return str(Position.of(self.entries[-1])) if self.has_older else ""


def older_than(entries: QuerySet[AuditEntry], position: Position | None) -> Part:
    """The newest ones when `position` is None."""
    found = list(_below(entries, position).order_by("-at", "-id")[: PER_PAGE + 1])
    return Part(found[:PER_PAGE], position is not None and bool(found), len(found) > PER_PAGE)


def newer_than(entries: QuerySet[AuditEntry], position: Position) -> Part:
    """The nearest ones."""
    above = entries.filter(at__gte=position.at).exclude(at=position.at, pk__lte=position.pk)
    found = list(above.order_by("at", "id")[: PER_PAGE + 1])
    return Part(found[PER_PAGE - 1 :: -1], len(found) > PER_PAGE, bool(found))


def in_chunks(entries: QuerySet[AuditEntry], position: Position) -> Iterator[AuditEntry]:
    """All below the position, a chunk in memory at a time."""
    while chunk := list(_below(entries, position).order_by("-at", "-id")[:PER_CHUNK]):
        yield from chunk
        position = Position.of(chunk[-1])


def _below(entries: QuerySet[AuditEntry], position: Position | None) -> QuerySet[AuditEntry]:
    if position is None:
        return entries
    # The first condition is the one that an index can begin at.
    return entries.filter(at__lte=position.at).exclude(at=position.at, pk__gte=position.pk)


def values(organization: Organization, column: str) -> list[str]:
    """What stands in an indexed column, in order: one look into the index for each value."""
    table, name = AuditEntry._meta.db_table, connection.ops.quote_name(column)
    least = f"SELECT MIN({name}) FROM {table} WHERE organization_id = %s"  # noqa: S608  no input
    sql = f"""
        WITH RECURSIVE found(value) AS (
            {least}
            UNION ALL
            SELECT ({least} AND {name} > found.value) FROM found WHERE found.value IS NOT NULL
        )
        SELECT value FROM found WHERE value IS NOT NULL LIMIT {MOST_CHOICES}
    """  # noqa: S608  names of our own
    parameters: list[Any] = [organization.pk, organization.pk]
    return [str(row[0]) for row in fetch(sql, parameters)]
