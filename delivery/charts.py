"""Charts as figures for SVG: what stands where, what it says in words, and the same as a table.

Places and lengths are in hundredths of the plot, y from the top. The templates draw them with
attributes only; words stay outside, so that a stretched plot does not stretch them.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from delivery.figures import ACKNOWLEDGED, Bar, Period, Status, order
from delivery.intervals import HOURS_OF_BAR
from organizations.templatetags.display import duration, number

HEAD = 5.0  # free above the highest value
GAP_SHARE = 0.28  # of a bar's width
LEAST_HEIGHT = 1.5  # one failure among thousands is seen
MOST_STATUSES = 8
# Midnights between two labels of the axis.
DAYS_OF_LABEL = {3: 1, 7: 1, 15: 3, 30: 5}
HOURS_OF_LABEL = 6
EDGE = 92.0  # a label from here on would leave the plot: it ends there
ROOM = 18.0  # of such a label and the one before it

# In the order of stacking, from below: attribute of a bar, its class, its word.
STACK = (
    ("delivered", "c-ok", "Delivered"),
    ("failed", "c-failing", "Failed"),
    ("retrying", "c-waiting", "Retrying"),
    ("pending", "c-off", "Pending"),
)


@dataclass(frozen=True)
class Label:
    x: str
    anchor: str
    text: str


@dataclass(frozen=True)
class Part:
    tone: str
    y: str
    height: str


@dataclass(frozen=True)
class Column:
    """One bar; `title` tells it in words; `when` and `cells` are its row of the table."""

    x: str
    width: str
    title: str
    parts: list[Part]
    when: str
    cells: list[str]


@dataclass(frozen=True)
class Stacked:
    summary: str
    most: str
    keys: list[tuple[str, str]]
    columns: list[Column]
    axis: list[Label]

    @property
    def is_empty(self) -> bool:
        return not any(column.parts for column in self.columns)


@dataclass(frozen=True)
class Lines:
    """`lines` are (class, points of a polyline): several of a class where nothing was delivered
    in between."""

    summary: str
    most: str
    lines: list[tuple[str, str]]
    rows: list[tuple[str, str, str]]
    axis: list[Label]

    @property
    def is_empty(self) -> bool:
        return not self.lines


@dataclass(frozen=True)
class StatusBar:
    word: str
    tone: str
    width: str
    count: int


@dataclass(frozen=True)
class Statuses:
    """`rest` are the rarer ones, for the table alone."""

    summary: str
    bars: list[StatusBar]
    rest: list[StatusBar]


def deliveries(period: Period, days: int, zone: dt.tzinfo) -> Stacked:
    """By state, stacked."""
    most = max((bar.total for bar in period.bars), default=0)
    width = 100 / len(period.bars)
    keys = [(tone, word) for name, tone, word in STACK if name != "pending" or period.pending]
    return Stacked(
        summary=_deliveries_in_words(period, days, zone),
        most=f"{number(most)} in {HOURS_OF_BAR[days]} h",
        keys=keys,
        columns=[
            Column(
                x=_at(place * width),
                width=_at(width * (1 - GAP_SHARE)),
                title=f"{_moment(bar.start, zone)}: {_parts_in_words(bar)}",
                parts=_stack(bar, most),
                when=_moment(bar.start, zone),
                cells=[number(getattr(bar, name)) for name, *_ in STACK],
            )
            for place, bar in enumerate(period.bars)
        ],
        axis=_axis([bar.start for bar in period.bars], days, zone),
    )


def delivery_time(period: Period, days: int, zone: dt.tzinfo) -> Lines:
    """p50 and p95 of each bar's deliveries."""
    most = max((value for _, *pair in period.times for value in pair if value), default=0.0)
    p50s, p95s = [p50 for _, p50, _ in period.times], [p95 for _, _, p95 in period.times]
    return Lines(
        summary=_times_in_words(period, days, zone),
        most=duration(most),
        lines=[
            (tone, points)
            for tone, values in (("c-waiting", p95s), ("c-2", p50s))
            for points in _polylines(values, most)
        ],
        rows=[
            (_moment(start, zone), duration(p50), duration(p95)) for start, p50, p95 in period.times
        ],
        axis=_axis([start for start, *_ in period.times], days, zone, sparse=True),
    )


def statuses(period: Period, days: int) -> Statuses:
    """How many attempts ended with each status, by status; without a response at the end."""
    most = max((count for _, count in period.statuses), default=0)
    shown = {status for status, _ in period.statuses[:MOST_STATUSES]}
    bars = {
        status: StatusBar(
            word=status_word(status),
            tone=_status_tone(status),
            width=_at(max(100 * count / most, 1.0)),
            count=count,
        )
        for status, count in sorted(period.statuses, key=lambda row: order(row[0]))
    }
    told = ", ".join(f"{number(bar.count)} with {bar.word}" for bar in bars.values())
    return Statuses(
        summary=f"Attempts {in_words(days)} by status: {told or 'none'}",
        bars=[bar for status, bar in bars.items() if status in shown],
        rest=[bar for status, bar in bars.items() if status not in shown],
    )


def status_word(status: Status) -> str:
    return "no response" if status is None else str(status)


def in_words(days: int) -> str:
    return "over 24 hours" if days == 1 else f"over {days} days"


def _deliveries_in_words(period: Period, days: int, zone: dt.tzinfo) -> str:
    told = f"{_parts_in_words(period)} {in_words(days)}"
    worst = max(period.bars, key=lambda bar: bar.failed)
    if not worst.failed:
        return told
    when = _moment(worst.start, zone)
    return f"{told}; the most failures, {number(worst.failed)}, from {when}"


def _parts_in_words(counted: Bar | Period) -> str:
    parts = ((getattr(counted, name), word.lower()) for name, _, word in STACK)
    return ", ".join(f"{number(count)} {word}" for count, word in parts if count) or "none"


def _times_in_words(period: Period, days: int, zone: dt.tzinfo) -> str:
    slowest = max(period.times, key=lambda row: row[2] or 0.0)
    if slowest[2] is None:
        return f"Nothing was delivered {in_words(days)}"
    return (
        f"95 % were delivered within {duration(period.p95_ms)} {in_words(days)};"
        f" the slowest, {duration(slowest[2])}, from {_moment(slowest[0], zone)}"
    )


def _stack(bar: Bar, most: int) -> list[Part]:
    """Small parts are drawn a little higher than they are, at the cost of the largest."""
    scale = (100 - HEAD) / most if most else 0.0
    heights = [
        (tone, max(count * scale, LEAST_HEIGHT))
        for name, tone, _ in STACK
        if (count := getattr(bar, name))
    ]
    over = sum(height for _, height in heights) - (100 - HEAD)
    if over > 0:
        place = max(range(len(heights)), key=lambda number: heights[number][1])
        heights[place] = (heights[place][0], heights[place][1] - over)
    top, parts = 100.0, []
    for tone, height in heights:
        top -= height
        parts.append(Part(tone, _at(top), _at(height)))
    return parts


def _polylines(values: Sequence[float | None], most: float) -> list[str]:
    """Points at the middle of their bars; a single one is as long as its bar."""
    width = 100 / len(values)
    lines = []
    for is_there, run in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if not is_there:
            continue
        points = [
            ((place + 0.5) * width, 100 - (100 - HEAD) * (value or 0.0) / (most or 1.0))
            for place, value in run
        ]
        if len(points) == 1:
            (x, y) = points[0]
            points = [(x - width / 2, y), (x + width / 2, y)]
        lines.append(" ".join(f"{_at(x)},{_at(y)}" for x, y in points))
    return lines


def _axis(
    starts: Sequence[dt.datetime], days: int, zone: dt.tzinfo, *, sparse: bool = False
) -> list[Label]:
    """Local midnights, of a single day every sixth hour; `sparse`: about half of them."""
    labels: list[Label] = []
    step = (HOURS_OF_LABEL if days == 1 else DAYS_OF_LABEL[days]) * (2 if sparse else 1)
    for place, start in enumerate(starts):
        local = start.astimezone(zone)
        if days == 1:
            if local.hour % step == 0:
                labels.append(_label(100 * place / len(starts), f"{local:%H}:00"))
        elif local.hour < HOURS_OF_BAR[days] and local.toordinal() % step == 0:
            text = f"{local:%a} {local.day}" if days <= 7 else f"{local.day} {local:%b}"
            labels.append(_label(100 * place / len(starts), text))
    if len(labels) > 1 and labels[-1].anchor == "end" and _gap(*labels[-2:]) < ROOM:
        labels.pop()
    return labels


def _gap(before: Label, after: Label) -> float:
    return float(after.x.rstrip("%")) - float(before.x.rstrip("%"))


def _label(x: float, text: str) -> Label:
    is_last = x > EDGE
    return Label(f"{100.0 if is_last else x:.1f}%", "end" if is_last else "start", text)


def _moment(start: dt.datetime, zone: dt.tzinfo) -> str:
    local = start.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def _status_tone(status: Status) -> str:
    if status is None:
        return "c-off"
    if isinstance(status, str):
        return "c-ok" if status == ACKNOWLEDGED else "c-failing"
    return "c-ok" if 200 <= status < 300 else "c-failing"


def _at(value: float) -> str:
    """Plain digits, whatever the language of the page."""
    return f"{value:.2f}"
