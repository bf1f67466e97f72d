"""How numbers, times and ids are written on the pages."""

import datetime as dt
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

DASH = "—"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
SHORT_ID_FROM = 20


@register.filter
def number(value: float | None) -> str:
    """1204 as "1,204"; a dash for None."""
    return DASH if value is None else f"{value:,}"


@register.filter
def duration(ms: float | None) -> str:
    """Milliseconds as "88 ms", "8.4 s", "1 min 6 s", "3 h 2 min"; a dash for None."""
    if ms is None:
        return DASH
    if ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    whole_s = round(seconds)
    if whole_s < HOUR_S:
        return _parts(whole_s, MINUTE_S, "min", 1, "s")
    if whole_s < DAY_S:
        return _parts(whole_s, HOUR_S, "h", MINUTE_S, "min")
    return _parts(whole_s, DAY_S, "d", HOUR_S, "h")


def _parts(whole_s: int, large_s: int, large: str, small_s: int, small: str) -> str:
    rest = whole_s % large_s // small_s
    return f"{whole_s // large_s} {large}" + (f" {rest} {small}" if rest else "")


@register.filter
def size(count: int) -> str:
    """Bytes as "71 B", "1.2 KB", "3.4 MB"."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.1f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


@register.simple_tag
def share(part: int, whole: int) -> str:
    """ "96.3 %"; a dash of nothing. Never 100 % while something is missing, nor 0 % of some."""
    if not whole:
        return DASH
    percent = round(100 * part / whole, 1)
    if percent in {0.0, 100.0} and part not in {0, whole}:
        percent = 99.9 if percent else 0.1
    return f"{percent:g} %"


@register.filter
def short_id(value: Any) -> str:
    """First eight and last four characters of a long id."""
    text = str(value)
    return text if len(text) <= SHORT_ID_FROM else f"{text[:8]}…{text[-4:]}"


@register.inclusion_tag("includes/copyable.html")
def copyable(value: Any, label: str, shown: str = "") -> dict[str, str]:
    """A long text cut short, whole on hover and by its copy button. `label`: what it is."""
    return {"value": str(value), "shown": shown or short_id(value), "label": label}


@register.simple_tag
def ago(moment: dt.datetime | None) -> SafeString | str:
    """Relative, in either direction, with the exact moment on hover; a dash for None."""
    if moment is None:
        return DASH
    return _time(moment, relative(moment, timezone.now()))


@register.simple_tag
def clock(moment: dt.datetime | None) -> SafeString | str:
    """ "Today, 10:41:58" in the reader's zone, the exact moment on hover; a dash for None."""
    if moment is None:
        return DASH
    local, today = timezone.localtime(moment), timezone.localdate()
    return _time(moment, f"{_day(local.date(), today)}, {local:%H:%M:%S}")


def relative(moment: dt.datetime, now: dt.datetime) -> str:
    seconds = (now - moment).total_seconds()
    distance_s = abs(seconds)
    if distance_s < 2:
        return "now"
    if distance_s < DAY_S:
        unit_s, unit = next(
            pair for pair in ((HOUR_S, "h"), (MINUTE_S, "min"), (1, "s")) if distance_s >= pair[0]
        )
        text = f"{distance_s // unit_s:.0f} {unit}"
        return f"{text} ago" if seconds > 0 else f"in {text}"
    return _day(timezone.localtime(moment).date(), timezone.localtime(now).date())


def _day(day: dt.date, today: dt.date) -> str:
    names = {0: "Today", -1: "Yesterday", 1: "Tomorrow"}
    if (distance := (day - today).days) in names:
        return names[distance]
    text = f"{day.day} {day:%b}"
    return text if day.year == today.year else f"{text} {day.year}"


def _time(moment: dt.datetime, shown: str) -> SafeString:
    local = timezone.localtime(moment)
    exact = f"{local.day} {local:%b %Y, %H:%M:%S}.{local.microsecond // 1000:03d} {local:%Z}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        exact,
        shown,
    )
