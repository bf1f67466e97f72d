"""Entries of the audit log to look at."""

from datetime import UTC, datetime, timedelta
from typing import Any

from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.conftest import PageClient

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def log(client: PageClient, **fields: Any) -> AuditEntry:
    """An entry of the client's organisation, by default a change of a webhook by its user."""
    at = fields.pop("at", None)
    entry = AuditEntry.objects.create(
        **{
            "organization": client.organization,
            "actor": Caller.member(client.membership).actor,
            "action": "changed",
            "object_type": "webhook",
            "object_id": "abc",
            "object_name": "Orders",
            **fields,
        }
    )
    if at:
        AuditEntry.objects.filter(pk=entry.pk).update(at=at)
    return entry


def filled(client: PageClient, count: int) -> None:
    """Numbered from the oldest; every three at the same moment."""
    made = AuditEntry.objects.bulk_create(
        AuditEntry(
            organization=client.organization,
            actor=Caller.member(client.membership).actor,
            action="changed" if number % 2 else "created",
            object_type="webhook",
            object_id="abc",
            object_name=str(number),
        )
        for number in range(count)
    )
    for number, entry in enumerate(made):
        entry.at = START + timedelta(seconds=number // 3)
    AuditEntry.objects.bulk_update(made, ["at"])
