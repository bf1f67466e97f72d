"""The small picture of a webhook's day: one bar an hour, what failed under what was delivered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 100, 24
BAR_SHARE = 0.72


@dataclass(frozen=True, slots=True)
class Spark:
    """`delivered` and `failed` are the paths of all bars of that colour, in a box of 100 by 24."""

    delivered: str
    failed: str
    label: str


def spark(hours: Sequence[tuple[int, int]]) -> Spark | None:
    """Of (delivered, failed) an hour, the oldest first; None when there was neither."""
    most = max((sum(hour) for hour in hours), default=0)
    if not most:
        return None
    delivered, failed = (sum(numbers) for numbers in zip(*hours, strict=True))
    heights = [[_height(count, most) for count in hour] for hour in hours]
    return Spark(
        delivered=_path((above, below) for above, below in heights),
        failed=_path((below, 0.0) for _, below in heights),
        label=f"{delivered:,} delivered and {failed:,} failed over the last {len(hours)} hours",
    )


def _height(count: int, most: int) -> float:
    """What is there can be seen, however little it is."""
    return max(count / most * (HEIGHT - 1), 1.0) if count else 0.0


def _path(bars: Iterable[tuple[float, float]]) -> str:
    """`bars` are (height, height of what it stands on)."""
    bars = list(bars)
    step = WIDTH / len(bars)
    width = round(step * BAR_SHARE, 1)
    return "".join(
        f"M{number * step:.1f} {HEIGHT - foot - height:.1f}h{width}v{height:.1f}h-{width}z"
        for number, (height, foot) in enumerate(bars)
        if height
    )
