"""The bars that a period is drawn in."""

import datetime as dt

HOUR = dt.timedelta(hours=1)
DAYS = (1, 3, 7, 15, 30)
HOURS_OF_BAR = {1: 1, 3: 3, 7: 3, 15: 6, 30: 12}


def hour_of(moment: dt.datetime) -> dt.datetime:
    """The beginning of the moment's hour in UTC."""
    return moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def last_hours(count: int, now: dt.datetime) -> list[dt.datetime]:
    """The beginnings of the last hours, the one of `now` included, oldest first."""
    latest = hour_of(now)
    return [latest - HOUR * back for back in reversed(range(count))]


def starts(days: int, now: dt.datetime, zone: dt.tzinfo) -> list[dt.datetime]:
    """The beginnings (UTC) of as many bars as `days` days have; the last bar contains `now`.

    Bars longer than an hour begin at the hours of the zone that divide its day evenly: at noon
    and midnight for those of 12 hours. Whole hours of UTC are what is counted; where the zone's
    are not the same, as in India, a bar begins with the first of them.
    """
    step = HOURS_OF_BAR[days]
    count = days * 24 // step
    if step == 1:
        return last_hours(count, now)
    today = now.astimezone(zone).date()
    begun = {
        start
        for back in range(-1, days + 2)  # tomorrow's may have begun by rounding, and days change
        for hour in range(0, 24, step)
        if (start := _start(today - dt.timedelta(days=back), hour, zone)) <= now
    }
    return sorted(begun)[-count:]


def _start(day: dt.date, hour: int, zone: dt.tzinfo) -> dt.datetime:
    moment = dt.datetime.combine(day, dt.time(hour), zone).astimezone(dt.UTC)
    whole = hour_of(moment)
    return whole if whole == moment else whole + HOUR
