"""Writes accepted events, once each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from events.envelope import Envelope
from events.models import Event, new_row_id
from organizations.models import Organization


@dataclass(frozen=True, slots=True)
class Checked:
    """An envelope that may be stored, with what its `data` lacks against the schema."""

    envelope: Envelope
    failures: list[dict[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one envelope: `event` is None for a repetition or a conflict."""

    envelope: Envelope
    event: Event | None
    is_conflict: bool = False


def store(
    items: Sequence[Checked], *, organization: Organization, received_from: str, now: Any
) -> list[Stored]:
    """Insert the events that are new, in one statement, inside the caller's transaction.

    A repeated event id makes no second event: with the same body it is a repetition, with
    another one a conflict. Also within `items`, and while another request stores the same id.
    """
    rows = [
        Event(
            id=new_row_id(),
            organization=organization,
            event_id=item.envelope.event_id,
            name=item.envelope.name,
            ref_id=item.envelope.ref_id,
            request_id=item.envelope.request_id,
            search_key=item.envelope.search_key,
            customer_id=item.envelope.customer_id,
            occurred_at=item.envelope.occurred_at,
            ingested_at=now,
            received_from=received_from,
            digest=item.envelope.digest,
            failures=item.failures,
            payload=item.envelope.payload,
        )
        for item in items
    ]
    may_repeat = {item.envelope.event_id for item in items if item.envelope.has_own_id}
    # In one order everywhere: two requests with the same ids must not wait for each other.
    in_order = sorted(rows, key=lambda row: row.event_id)
    Event.objects.bulk_create(in_order, ignore_conflicts=bool(may_repeat))
    kept = _kept(organization, may_repeat) if may_repeat else {}
    return [_fate(item.envelope, row, kept) for item, row in zip(items, rows, strict=True)]


def _kept(organization: Organization, event_ids: Collection[str]) -> dict[str, tuple[Any, str]]:
    """Row id and digest of what the database now holds under each event id."""
    rows = Event.objects.for_organization(organization).filter(event_id__in=event_ids)
    return {row[0]: (row[1], row[2]) for row in rows.values_list("event_id", "id", "digest")}


def _fate(envelope: Envelope, row: Event, kept: dict[str, tuple[Any, str]]) -> Stored:
    row_id, digest = kept.get(envelope.event_id, (row.id, row.digest))
    if row_id == row.id:
        return Stored(envelope, row)
    return Stored(envelope, None, is_conflict=digest != envelope.digest)
