"""Charts from figures, without a database."""

import datetime as dt
import itertools
import zoneinfo

import pytest

from delivery import charts, intervals
from delivery.figures import Bar, Period

SINGAPORE = zoneinfo.ZoneInfo("Asia/Singapore")
NOW = dt.datetime(2026, 11, 21, 2, 42, tzinfo=dt.UTC)  # a Saturday, 10:42 in Singapore


def period_of(days: int, *, zone: dt.tzinfo = SINGAPORE) -> Period:
    """Of nothing."""
    starts = intervals.starts(days, NOW, zone)
    return Period(
        bars=[Bar(start) for start in starts],
        times=[(start, None, None) for start in starts],
        statuses=[],
        average_ms=None,
        p95_ms=None,
        sla_breaches=0,
    )


def heights(column: charts.Column) -> dict[str, float]:
    return {part.tone: float(part.height) for part in column.parts}


def test_the_highest_bar_nearly_fills_the_plot_and_the_others_are_in_proportion() -> None:
    period = period_of(7)
    period.bars[3].delivered, period.bars[4].delivered = 200, 100
    chart = charts.deliveries(period, 7, SINGAPORE)
    assert heights(chart.columns[3]) == {"c-ok": 95.0}
    assert heights(chart.columns[4]) == {"c-ok": 47.5}
    assert chart.most == "200 in 3 h"


def test_states_are_stacked_from_the_ground_without_a_gap() -> None:
    period = period_of(1)
    period.bars[-1] = Bar(period.bars[-1].start, delivered=6, failed=2, retrying=1, pending=1)
    parts = charts.deliveries(period, 1, SINGAPORE).columns[-1].parts
    assert [part.tone for part in parts] == ["c-ok", "c-failing", "c-waiting", "c-off"]
    ground = 100.0
    for part in parts:
        ground -= float(part.height)
        assert float(part.y) == pytest.approx(ground, abs=0.02)


def test_one_failure_among_thousands_is_seen_and_the_bar_stays_in_the_plot() -> None:
    period = period_of(7)
    period.bars[0].delivered, period.bars[0].failed = 99_999, 1
    column = charts.deliveries(period, 7, SINGAPORE).columns[0]
    assert heights(column)["c-failing"] == charts.LEAST_HEIGHT
    assert sum(heights(column).values()) <= 100 - charts.HEAD + 0.02


@pytest.mark.parametrize("days", intervals.DAYS)
def test_columns_stand_in_order_inside_the_plot(days: int) -> None:
    columns = charts.deliveries(period_of(days), days, SINGAPORE).columns
    ends = [(float(column.x), float(column.x) + float(column.width)) for column in columns]
    assert ends[0][0] == 0.0
    assert ends[-1][1] <= 100
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_the_text_tells_the_numbers_and_when_the_most_failed_in_local_time() -> None:
    period = period_of(7)
    period.bars[10].delivered = 1_234
    wednesday = next(
        bar
        for bar in period.bars
        if (local := bar.start.astimezone(SINGAPORE)).day == 18 and local.hour == 18
    )
    wednesday.failed = 56
    summary = charts.deliveries(period, 7, SINGAPORE).summary
    assert summary == (
        "1,234 delivered, 56 failed over 7 days; the most failures, 56, from Wed 18 Nov, 18:00"
    )


def test_the_table_has_the_same_figures() -> None:
    period = period_of(1)
    period.bars[-1].delivered, period.bars[-1].retrying = 1_200, 3
    column = charts.deliveries(period, 1, SINGAPORE).columns[-1]
    assert (column.when, column.cells) == ("Sat 21 Nov, 10:00", ["1,200", "0", "3", "0"])


def test_nothing_makes_an_empty_chart_with_its_axis() -> None:
    chart = charts.deliveries(period_of(7), 7, SINGAPORE)
    assert chart.is_empty
    assert chart.summary == "none over 7 days"
    assert len(chart.axis) == 7
    assert charts.delivery_time(period_of(7), 7, SINGAPORE).is_empty
    assert charts.statuses(period_of(7), 7).bars == []


def test_the_axis_marks_local_midnights() -> None:
    labels = charts.deliveries(period_of(7), 7, SINGAPORE).axis
    assert [label.text for label in labels] == [
        *("Sun 15", "Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21"),
    ]
    starts = intervals.starts(7, NOW, SINGAPORE)
    midnight = dt.datetime(2026, 11, 18, tzinfo=SINGAPORE)
    assert labels[3].x == f"{100 * starts.index(midnight) / len(starts):.1f}%"


def test_the_axis_of_a_day_marks_hours() -> None:
    labels = charts.deliveries(period_of(1), 1, SINGAPORE).axis
    assert [label.text for label in labels] == ["12:00", "18:00", "00:00", "06:00"]


@pytest.mark.parametrize("days", intervals.DAYS)
@pytest.mark.parametrize("name", ["Asia/Singapore", "Asia/Kolkata", "America/New_York"])
def test_an_axis_has_a_few_labels_and_none_leaves_the_plot(days: int, name: str) -> None:
    zone = zoneinfo.ZoneInfo(name)
    labels = charts.deliveries(period_of(days, zone=zone), days, zone).axis
    assert 3 <= len(labels) <= 7
    for label in labels:
        assert label.anchor == ("end" if float(label.x.rstrip("%")) > charts.EDGE else "start")


def test_a_line_breaks_where_nothing_was_delivered() -> None:
    period = period_of(1)
    for place, p95 in ((0, 100.0), (1, 200.0), (5, 50.0)):
        period.times[place] = (period.times[place][0], p95 / 2, p95)
    chart = charts.delivery_time(period, 1, SINGAPORE)
    assert [tone for tone, _ in chart.lines] == ["c-waiting"] * 2 + ["c-2"] * 2
    assert chart.most == "200 ms"
    first, second = (points for tone, points in chart.lines if tone == "c-waiting")
    assert len(first.split()) == 2
    single = [tuple(map(float, point.split(","))) for point in second.split()]
    assert single[0][1] == single[1][1]
    assert single[0][0] < single[1][0]


def test_the_slowest_hours_are_told() -> None:
    period = period_of(7)
    period.p95_ms = 640.0
    period.times[0] = (period.times[0][0], 100.0, 3_200.0)
    summary = charts.delivery_time(period, 7, SINGAPORE).summary
    assert summary.startswith("95 % were delivered within 640 ms over 7 days; the slowest, 3.2 s,")
    nothing = charts.delivery_time(period_of(7), 7, SINGAPORE).summary
    assert nothing == "Nothing was delivered over 7 days"


def test_statuses_stand_in_their_order_with_no_response_at_the_end() -> None:
    period = period_of(7)
    period.statuses = [(200, 5_000), (None, 30), (503, 20), (202, 10)]
    chart = charts.statuses(period, 7)
    assert [bar.word for bar in chart.bars] == ["200", "202", "503", "no response"]
    assert [bar.tone for bar in chart.bars] == ["c-ok", "c-ok", "c-failing", "c-off"]
    assert [bar.width for bar in chart.bars] == ["100.00", "1.00", "1.00", "1.00"]
    assert "5,000 with 200" in chart.summary


def test_the_rarer_statuses_stand_apart() -> None:
    period = period_of(7)
    period.statuses = [(status, 1_000 - status) for status in range(400, 412)]
    chart = charts.statuses(period, 7)
    assert len(chart.bars) == charts.MOST_STATUSES
    assert [bar.word for bar in chart.rest] == ["408", "409", "410", "411"]


@pytest.mark.parametrize("days", [1, 3, 7, 15, 30])
@pytest.mark.parametrize("hour", range(0, 24, 2))
def test_no_label_of_an_axis_lies_over_another(days: int, hour: int) -> None:
    now = dt.datetime(2026, 11, 21, hour, 30, tzinfo=dt.UTC)
    starts = list(intervals.starts(days, now, SINGAPORE))
    labels = charts._axis(starts, days, SINGAPORE)
    places = [float(label.x.rstrip("%")) for label in labels]
    for before, after, label in zip(places, places[1:], labels[1:], strict=False):
        assert after - before >= (charts.ROOM if label.anchor == "end" else charts.ROOM / 2)
