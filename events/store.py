"""What is stored of accepted events, and what becomes of repeated ones."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from events.envelope import Envelope
from events.models import Event
from organizations.models import Organization


@dataclass(frozen=True, slots=True)
class Checked:
    """An envelope that may be stored as row `row_id`, with what its `data` lacks."""

    row_id: uuid.UUID
    envelope: Envelope
    failures: list[dict[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one event: new, a repetition of one that was here, or in conflict with it."""

    checked: Checked
    is_new: bool
    is_conflict: bool = False


def event_of(
    item: Checked,
    organization: Organization,
    *,
    now: dt.datetime,
    received_from: str = "",
    is_test: bool = False,
) -> Event:
    """The row, not saved yet. `received_from` names the credential; "" of our own events."""
    envelope = item.envelope
    return Event(
        id=item.row_id,
        organization=organization,
        event_id=envelope.event_id,
        name=envelope.name,
        ref_id=envelope.ref_id,
        request_id=envelope.request_id,
        search_key=envelope.search_key,
        customer_id=envelope.customer_id,
        occurred_at=envelope.occurred_at,
        ingested_at=now,
        received_from=received_from,
        is_test=is_test,
        digest=envelope.digest,
        failures=item.failures,
        payload=envelope.payload,
    )


def in_order(items: Sequence[Checked]) -> list[Checked]:
    """The order to insert in: the same everywhere, so that two requests do not deadlock."""
    return sorted(items, key=lambda item: item.envelope.event_id)


def fates(
    items: Sequence[Checked], inserted: Collection[uuid.UUID], organization: Organization
) -> list[Stored]:
    """What became of each item when the rows `inserted` were; the others' event ids were taken.

    With the same body it is a repetition, with another one a conflict; also within `items`.
    """
    taken = [item.envelope.event_id for item in items if item.row_id not in inserted]
    digests = _digests(organization, taken) if taken else {}
    return [
        Stored(item, is_new=True)
        if item.row_id in inserted
        else Stored(
            item,
            is_new=False,
            is_conflict=digests.get(item.envelope.event_id) != item.envelope.digest,
        )
        for item in items
    ]


def _digests(organization: Organization, event_ids: Sequence[str]) -> dict[str, str]:
    kept = Event.objects.for_organization(organization).filter(event_id__in=event_ids)
    return dict(kept.values_list("event_id", "digest"))
