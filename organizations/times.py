"""Times as the v3 API writes them, and what calculations with times share."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

# Later moments would leave the calendar when shown in another time zone.
END_OF_TIME_MS = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp() * 1000)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)


def v3_time(moment: datetime, zone: tzinfo) -> str:
    """`2020-04-23T11:10:51.351+0530`: milliseconds (cut, not rounded) and offset in that zone."""
    local = moment.astimezone(zone)
    offset_min = (local.utcoffset() or timedelta()) // MINUTE
    sign = "-" if offset_min < 0 else "+"
    hours, minutes = divmod(abs(offset_min), 60)
    text = local.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{text}{sign}{hours:02}{minutes:02}"


def v3_time_iso(moment: datetime) -> str:
    """`2025-11-25T06:40:06Z`: whole seconds (cut) in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def from_epoch_ms(text: str) -> datetime:
    """The moment, in UTC, that a query parameter of digits means.

    Raises ValueError for anything but plain digits, and from the year 9999 on.
    """
    if not DIGITS.fullmatch(text) or int(text) >= END_OF_TIME_MS:
        raise ValueError("not a time in epoch milliseconds")
    return EPOCH + timedelta(milliseconds=int(text))
