from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from organizations.times import from_epoch_ms, v3_time, v3_time_iso

MOMENT = datetime(2020, 4, 23, 5, 40, 51, 351_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Asia/Kolkata", "2020-04-23T11:10:51.351+0530"),
        ("UTC", "2020-04-23T05:40:51.351+0000"),
        ("America/St_Johns", "2020-04-23T03:10:51.351-0230"),
        ("Pacific/Kiritimati", "2020-04-23T19:40:51.351+1400"),
    ],
)
def test_a_time_is_shown_in_the_zone_with_cut_milliseconds(zone: str, text: str) -> None:
    assert v3_time(MOMENT, ZoneInfo(zone)) == text


def test_whole_seconds_keep_their_zeros() -> None:
    assert v3_time(datetime(2020, 1, 1, tzinfo=UTC), UTC) == "2020-01-01T00:00:00.000+0000"


def test_an_offset_with_seconds_is_shown_in_minutes() -> None:
    assert v3_time(datetime(1970, 1, 1, tzinfo=UTC), ZoneInfo("Africa/Monrovia")).endswith("-0045")


def test_the_iso_form_is_utc_in_whole_seconds() -> None:
    assert v3_time_iso(MOMENT.astimezone(ZoneInfo("Asia/Kolkata"))) == "2020-04-23T05:40:51Z"


def test_epoch_milliseconds_are_read_exactly() -> None:
    assert from_epoch_ms("1619199042493") == datetime(2021, 4, 23, 17, 30, 42, 493_000, tzinfo=UTC)
    assert from_epoch_ms("0") == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", "-1", "+1", "1.0", "1e3", "0x1", "\u0661", "9" * 15, "9" * 5_000],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="epoch"):
        from_epoch_ms(text)


def test_the_last_moment_can_be_shown_in_every_zone() -> None:
    last = from_epoch_ms("253370764799999")
    assert v3_time(last, ZoneInfo("Pacific/Kiritimati")) == "9999-01-01T13:59:59.999+1400"
    with pytest.raises(ValueError, match="epoch"):
        from_epoch_ms("253370764800000")
