"""The database's clock: the only one that says what is due."""

import datetime as dt
import time
from dataclasses import dataclass

from django.db import connection


def database_now() -> dt.datetime:
    """Aware, UTC. Not `clock_timestamp()` in PostgreSQL: it is volatile and defeats indexes."""
    vendor = connection.vendor
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT statement_timestamp()"
            if vendor == "postgresql"
            else "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
        )
        (moment,) = cursor.fetchone()
    if isinstance(moment, str):
        return dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
    return moment  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's time at one moment of this process's monotonic clock."""

    moment: dt.datetime
    monotonic_s: float

    @classmethod
    def at(cls, moment: dt.datetime) -> "Reading":
        return cls(moment, time.monotonic())

    def now(self) -> dt.datetime:
        """The database's time now, if both clocks went on alike."""
        return self.moment + dt.timedelta(seconds=time.monotonic() - self.monotonic_s)

    def age_s(self) -> float:
        return time.monotonic() - self.monotonic_s
