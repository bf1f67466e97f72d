import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone

from organizations.templatetags import display

NOW = dt.datetime(2026, 11, 21, 4, 0, tzinfo=dt.UTC)


def shown(template: str, **context: object) -> str:
    return Template("{% load display %}" + template).render(Context(context))


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "—"),
        (0.4, "0 ms"),
        (88, "88 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (8_400, "8.4 s"),
        (30_000, "30.0 s"),
        (66_000, "1 min 6 s"),
        (120_000, "2 min"),
        (3_600_000 + 120_000, "1 h 2 min"),
        (86_400_000, "1 d"),
    ],
)
def test_a_duration_has_the_unit_that_fits(ms: float | None, text: str) -> None:
    assert display.duration(ms) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "—"),
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 3, "33.3 %"),
        (99_999, 100_000, "99.9 %"),
        (1, 100_000, "0.1 %"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, text: str) -> None:
    assert display.share(part, whole) == text


def test_numbers_are_grouped_and_sizes_short() -> None:
    assert display.number(1_234_567) == "1,234,567"
    assert display.number(None) == "—"
    assert [display.size(count) for count in (71, 1_200, 3_400_000)] == ["71 B", "1.2 KB", "3.4 MB"]


def test_a_long_id_is_cut_and_whole_in_its_copy_button() -> None:
    whole = "fac88937-7740-48a3-b34e-fcfedb1f57a0"
    text = shown('{% copyable value "event ID" %}', value=whole)
    assert "fac88937…57a0" in text
    assert f'data-copy="{whole}"' in text
    assert 'aria-label="Copy event ID"' in text
    assert display.short_id("51186_vdFdiTjSeg") == "51186_vdFdiTjSeg"


def test_hostile_ids_are_shown_not_run() -> None:
    assert "<script>" not in shown('{% copyable value "id" %}', value='"><script>alert(1)</script>')


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (42, "42 s ago"),
        (-18, "in 18 s"),
        (360, "6 min ago"),
        (7_200, "2 h ago"),
        (86_400, "Yesterday"),
        (-86_400, "Tomorrow"),
        (13 * 86_400, "8 Nov"),
        (400 * 86_400, "17 Oct 2025"),
    ],
)
def test_times_are_relative(seconds: int, text: str) -> None:
    assert display.relative(NOW - dt.timedelta(seconds=seconds), NOW) == text


@time_machine.travel(NOW, tick=False)
def test_the_exact_moment_in_the_readers_zone_is_on_hover() -> None:
    moment = NOW - dt.timedelta(seconds=102, milliseconds=877)
    with timezone.override(ZoneInfo("Asia/Singapore")):
        text = shown("{% clock moment %}", moment=moment)
        yesterday = shown("{% clock moment %}", moment=NOW - dt.timedelta(hours=13))
    assert 'datetime="2026-11-21T03:58:17.123+00:00"' in text
    assert 'title="21 Nov 2026, 11:58:17.123 +08"' in text
    assert ">Today, 11:58:17</time>" in text
    assert ">Yesterday, 23:00:00</time>" in yesterday
    assert shown("{% ago moment %}", moment=None) == "—"
