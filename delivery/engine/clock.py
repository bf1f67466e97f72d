"""The database's clock: the only one that says what is due."""

import datetime as dt
import time
from dataclasses import dataclass

from django.db import connection

from organizations.database import fetch


def NOW() -> str:  # noqa: N802  it stands for SQL's own
    """The SQL of the database's time, as Django writes it into columns.

    Not `clock_timestamp()` in PostgreSQL: it is volatile and defeats indexes.
    """
    if connection.vendor == "postgresql":
        return "statement_timestamp()"
    return "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"


def as_moment(value: dt.datetime | str) -> dt.datetime:
    """What the SQL of NOW answered, aware, in UTC."""
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    return value


def database_now() -> dt.datetime:
    """Aware, UTC."""
    return as_moment(fetch(f"SELECT {NOW()}", {})[0][0])


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
