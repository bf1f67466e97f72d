"""Pages of a log that stay in their place while rows come in, and cost the same everywhere.

A log is ordered by (ingested_at, id), the latest first; a page begins beside a row of it.
"""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import Model, Q, QuerySet

Place = tuple[str, str]
PLACE: Place = ("ingested_at", "id")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_TEXT = re.compile(r"([0-9]{1,17})-([0-9a-f]{32})", re.ASCII)

M = TypeVar("M", bound=Model)


class Logged(Protocol):
    @property
    def ingested_at(self) -> dt.datetime: ...
    @property
    def id(self) -> uuid.UUID: ...


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """The place of a row, whether or not it is still there. As text it goes into addresses."""

    ingested_at: dt.datetime
    id: uuid.UUID

    @classmethod
    def of(cls, row: Logged) -> "Cursor":
        return cls(row.ingested_at, row.id)

    @classmethod
    def before(cls, moment: dt.datetime) -> "Cursor":
        """Just before all rows of that moment."""
        return cls(moment, uuid.UUID(int=0))

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises ValueError."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(text)
        return cls(_EPOCH + int(found[1]) * _MICROSECOND, uuid.UUID(hex=found[2]))

    def __str__(self) -> str:
        return f"{(self.ingested_at - _EPOCH) // _MICROSECOND}-{self.id.hex}"

    @property
    def newer(self) -> Q:
        return self.newer_by(PLACE)

    # The first bound is what an index is entered by; the second sorts out the same moment.
    def newer_by(self, place: Place) -> Q:
        moment, key = place
        ties = Q((moment, self.ingested_at), (f"{key}__lte", self.id))
        return Q((f"{moment}__gte", self.ingested_at)) & ~ties

    def older_by(self, place: Place) -> Q:
        moment, key = place
        ties = Q((moment, self.ingested_at), (f"{key}__gte", self.id))
        return Q((f"{moment}__lte", self.ingested_at)) & ~ties


@dataclass(frozen=True, slots=True)
class Stretch(Generic[M]):
    """Rows, the latest first, and where those beside them begin; None where there are none."""

    rows: list[M]
    newer: Cursor | None
    older: Cursor | None


def stretch(
    querysets: Sequence[QuerySet[M]],
    size: int,
    *,
    older: Cursor | None = None,
    newer: Cursor | None = None,
    place: Place = PLACE,
) -> Stretch[M]:
    """`size` rows of what any of `querysets` holds: the latest, those next older than `older`, or
    those next newer than `newer`. Every queryset is asked for its own, so that each can use its
    own index. `place` names the fields to ask by, where they are not the rows' own."""
    latest_first = tuple(f"-{name}" for name in place)
    if newer is not None:
        rows = _first(querysets, size + 1, newer.newer_by(place), place)
        if len(rows) > size:
            rows = rows[:size][::-1]
            return Stretch(rows, _place(rows[0]), _place(rows[-1]))
    rows = _first(querysets, size + 1, older.older_by(place) if older else Q(), latest_first)
    has_more, rows = len(rows) > size, rows[:size]
    return Stretch(
        rows,
        (_place(rows[0]) if rows else older) if older else None,
        _place(rows[-1]) if has_more else None,
    )


def _first(
    querysets: Sequence[QuerySet[M]], count: int, bound: Q, order: tuple[str, ...]
) -> list[M]:
    found = {
        row.pk: row
        for queryset in querysets
        for row in queryset.filter(bound).order_by(*order)[:count]
    }
    is_backwards = order[0].startswith("-")
    return sorted(found.values(), key=_place, reverse=is_backwards)[:count]


def _place(row: Any) -> Cursor:
    return Cursor.of(row)
