"""Delivery times in buckets: any percentile of any number of deliveries, within a tenth."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, Value, When
from django.db.models.expressions import Expression

RATIO = 1.19
# The first bucket is below a millisecond, the last from about a day and a half.
BOUNDS_US = tuple(round(1_000 * RATIO**number) for number in range(108))


def bucket(duration_us: int) -> int:
    """From 0 to len(BOUNDS_US): how many of the bounds are not above the duration."""
    return bisect_right(BOUNDS_US, duration_us)


def position(name: str, bounds: Sequence[Any]) -> Expression:
    """SQL's `bisect_right`: how many of the bounds, in their order, are not above the column.

    By halving: a few comparisons for each row, however many bounds there are.
    """
    return _position(name, bounds, 0, len(bounds))


def _position(name: str, bounds: Sequence[Any], first: int, last: int) -> Expression:
    if first == last:
        return Value(first)
    middle = (first + last) // 2
    return Case(
        When(**{f"{name}__lt": bounds[middle]}, then=_position(name, bounds, first, middle)),
        default=_position(name, bounds, middle + 1, last),
    )


def percentile_ms(counts: Mapping[int, int], share: float) -> float | None:
    """The time that `share` (0 to 1) of the deliveries kept, from how many fell into each bucket.

    Within a bucket they are taken to be spread evenly. None when there are none.
    """
    total = sum(counts.values())
    if not total:
        return None
    left = share * total
    number = count = 0
    for number, count in sorted(counts.items()):  # noqa: B007  used after the loop
        if left <= count:
            break
        left -= count
    low = BOUNDS_US[number - 1] if number else 0
    high = BOUNDS_US[min(number, len(BOUNDS_US) - 1)]
    return (low + (high - low) * min(left / count, 1.0)) / 1_000
