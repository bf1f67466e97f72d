"""What is looked for in the audit log, however long it is."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from organizations.database import fetch
from organizations.keyset import Order
from organizations.models import AuditEntry, Organization

ORDER = Order("at", key_type=int)
MOST_CHOICES = 500


@dataclass(frozen=True)
class Filters:
    """Empty or None: does not matter. `thing` is an object's id or its whole name."""

    person: str = ""
    action: str = ""
    object_type: str = ""
    thing: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None  # exclusive

    def of(self, organization: Organization) -> QuerySet[AuditEntry]:
        exact = {
            "actor_code": self.person,
            "action": self.action,
            "object_type": self.object_type,
            "at__gte": self.since,
            "at__lt": self.until,
        }
        entries = AuditEntry.objects.for_organization(organization).filter(
            **{name: value for name, value in exact.items() if value}
        )
        if self.thing:
            entries = entries.filter(Q(object_id=self.thing) | Q(object_name=self.thing))
        return entries


def values(organization: Organization, column: str) -> list[str]:
    """What stands in an indexed column, in order: one look into the index for each value."""
    table, name = AuditEntry._meta.db_table, connection.ops.quote_name(column)
    least = f"SELECT MIN({name}) FROM {table} WHERE organization_id = %s"  # noqa: S608  no input
    sql = f"""
        WITH RECURSIVE found(value) AS (
            {least}
            UNION ALL
            SELECT ({least} AND {name} > found.value) FROM found WHERE found.value IS NOT NULL
        )
        SELECT value FROM found WHERE value IS NOT NULL LIMIT {MOST_CHOICES}
    """  # noqa: S608  names of our own
    parameters: list[Any] = [organization.pk, organization.pk]
    return [str(row[0]) for row in fetch(sql, parameters)]
