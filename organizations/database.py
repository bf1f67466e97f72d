"""Raw SQL for the few statements that run for every event."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def fetch(sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of one statement on Django's connection, inside its transaction if there is one.

    On PostgreSQL the server binds the parameters: `%b` sends an array in binary, where
    Django's own cursor would quote every element into the text. Raises Django's database errors.
    """
    if not is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())
    # As Django's own cursor does: a kept connection may have ended since the last request.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as server_bound,
    ):
        server_bound.execute(sql, parameters)
        return server_bound.fetchall() if server_bound.description else []
