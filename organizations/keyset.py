"""Pages of a log that stay in their place while rows come in, and cost the same everywhere.

A log is ordered by a moment and a key, the latest first; a page begins beside a row of it.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from django.db.models import Model, Q, QuerySet

from organizations.times import EPOCH, MICROSECOND

_MOMENT = "([0-9]{1,17})-"
_TEXTS = {
    int: re.compile(_MOMENT + "([0-9]{1,18})", re.ASCII),
    uuid.UUID: re.compile(_MOMENT + "([0-9a-f]{32})", re.ASCII),
}

M = TypeVar("M", bound=Model)


class Cursor(NamedTuple):
    """The place of a row, whether or not it is still there. As text it goes into addresses."""

    moment: dt.datetime
    key: int | uuid.UUID

    def __str__(self) -> str:
        key = self.key.hex if isinstance(self.key, uuid.UUID) else self.key
        return f"{(self.moment - EPOCH) // MICROSECOND}-{key}"


class Order(NamedTuple):
    """What a log is ordered and bounded by: names of fields, maybe of related rows.

    The rows themselves have a field of the same name, and `key_type` keys.
    """

    moment: str
    key: str = "id"
    key_type: type[int] | type[uuid.UUID] = uuid.UUID

    def of(self, row: Any) -> Cursor:
        return Cursor(getattr(row, self.moment.rpartition("__")[2]), row.pk)

    def before(self, moment: dt.datetime) -> Cursor:
        """Just before all rows of that moment."""
        return Cursor(moment, 0 if self.key_type is int else uuid.UUID(int=0))

    def parse(self, text: str) -> Cursor:
        """Raises ValueError."""
        found = _TEXTS[self.key_type].fullmatch(text)
        if found is None:
            raise ValueError(text)
        return Cursor(EPOCH + int(found[1]) * MICROSECOND, self.key_type(found[2]))

    # The first bound is what an index is entered by; the second sorts out the same moment.
    def newer(self, cursor: Cursor) -> Q:
        ties = Q((self.moment, cursor.moment), (f"{self.key}__lte", cursor.key))
        return Q((f"{self.moment}__gte", cursor.moment)) & ~ties

    def older(self, cursor: Cursor) -> Q:
        ties = Q((self.moment, cursor.moment), (f"{self.key}__gte", cursor.key))
        return Q((f"{self.moment}__lte", cursor.moment)) & ~ties

    @property
    def oldest_first(self) -> tuple[str, str]:
        return self.moment, self.key

    @property
    def latest_first(self) -> tuple[str, str]:
        return f"-{self.moment}", f"-{self.key}"


@dataclass(frozen=True, slots=True)
class Stretch(Generic[M]):
    """Rows, the latest first, and where those beside them begin; None where there are none."""

    rows: list[M]
    newer: Cursor | None
    older: Cursor | None


def stretch(
    querysets: Sequence[QuerySet[M]],
    size: int,
    order: Order,
    *,
    older: Cursor | None = None,
    newer: Cursor | None = None,
) -> Stretch[M]:
    """`size` rows of what any of `querysets` holds: the latest, those next older than `older`, or
    those next newer than `newer`. Every queryset is asked for its own, so that each can use its
    own index."""
    if newer is not None:
        rows = _first(querysets, size + 1, order, order.newer(newer), is_latest_first=False)
        if len(rows) > size:
            rows = rows[:size][::-1]
            return Stretch(rows, order.of(rows[0]), order.of(rows[-1]))
    bound = order.older(older) if older else Q()
    rows = _first(querysets, size + 1, order, bound, is_latest_first=True)
    has_more, rows = len(rows) > size, rows[:size]
    return Stretch(
        rows,
        (order.of(rows[0]) if rows else older) if older else None,
        order.of(rows[-1]) if has_more else None,
    )


def in_chunks(rows: QuerySet[M], size: int, order: Order, older: Cursor) -> Iterator[M]:
    """All rows that are older, the latest first, `size` in memory at a time."""
    while chunk := _first([rows], size, order, order.older(older), is_latest_first=True):
        yield from chunk
        older = order.of(chunk[-1])


def _first(
    querysets: Sequence[QuerySet[M]], count: int, order: Order, bound: Q, *, is_latest_first: bool
) -> list[M]:
    names = order.latest_first if is_latest_first else order.oldest_first
    found = {
        row.pk: row
        for queryset in querysets
        for row in queryset.filter(bound).order_by(*names)[:count]
    }
    return sorted(found.values(), key=order.of, reverse=is_latest_first)[:count]
