"""Rows in bulk, past the models' checks: a million in minutes."""

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.db import connection, models

from organizations.database import is_postgresql

ROWS_OF_BATCH = 2_000

Row = tuple[Any, ...]


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """`names` are the model's attributes (`webhook_id`, not `webhook`) in the order of the rows.

    Lists are for JSON fields.
    """
    if is_postgresql():
        _copy(model, names, rows)
        return
    left = iter(rows)
    while batch := list(islice(left, ROWS_OF_BATCH)):
        manager: models.Manager[Any] = model._base_manager
        manager.bulk_create(model(**dict(zip(names, row, strict=True))) for row in batch)


def _copy(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    columns = ", ".join(f'"{name}"' for name in names)  # attributes bear their column's name here
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        connection.connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(
                [json.dumps(value) if isinstance(value, list) else value for value in row]
            )
