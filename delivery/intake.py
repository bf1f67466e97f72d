"""Accepts events: checked, stored with their deliveries in one transaction, workers woken."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from rest_framework.exceptions import ErrorDetail, ValidationError

from delivery.commit import commit
from events.envelope import Envelope, parse
from events.event_types import EventTypes, known_event_types, validator_of
from events.json_schema import SchemaError
from events.models import Validation, new_row_id
from events.reserved import is_reserved
from events.store import Checked, Stored
from organizations.models import Organization


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that is safe with us; `is_duplicate` when it was before."""

    event_id: str
    is_duplicate: bool


Fate = Accepted | ValidationError


def ingest(
    bodies: Sequence[object], *, organization: Organization, request_id: str, received_from: str
) -> list[Fate]:
    """What became of each body, in their order; a bad one does not keep the others out.

    A body may already be the ValidationError that tells why it could not be read.
    When this returns, everything accepted is committed. Raises the database's errors; then
    nothing was accepted.
    """
    types = known_event_types(organization)
    now_ms = int(time.time() * 1000)
    fates: list[Fate | None] = [None] * len(bodies)
    checked: dict[int, Checked] = {}
    for place, body in enumerate(bodies):
        try:
            if isinstance(body, ValidationError):
                raise body
            envelope = parse(
                body, organization_id=organization.pk, request_id=request_id, now_ms=now_ms
            )
            checked[place] = _check(envelope, organization, types)
        except ValidationError as error:
            fates[place] = error
    if checked:
        stored = commit(list(checked.values()), organization, received_from)
        for place, item in zip(checked, stored, strict=True):
            fates[place] = _fate(item)
    return [fate for fate in fates if fate is not None]


def _check(envelope: Envelope, organization: Organization, types: EventTypes) -> Checked:
    """Raises ValidationError for an unknown type, a mismatch that rejects, or too much."""
    known = types.get(envelope.name)
    if known is None or not known.active or is_reserved(envelope.name):
        message = "No such event type, or it is not active."
        raise ValidationError({"eventName": [ErrorDetail(message, code="event_unknown")]})
    check_size(envelope)
    if known.validation is Validation.OFF:
        return Checked(new_row_id(), envelope)
    failures = schema_failures(envelope, organization)
    if failures and known.validation is Validation.REJECT:
        errors: dict[str, list[ErrorDetail]] = {}
        for failure in failures:
            detail = ErrorDetail(failure["message"], code="event_mismatch")
            errors.setdefault(failure["path"] or "data", []).append(detail)
        raise ValidationError(errors)
    return Checked(new_row_id(), envelope, failures or None)


def check_size(envelope: Envelope) -> None:
    """Raises ValidationError for more than an event may have."""
    if len(envelope.payload.encode()) > settings.MAX_EVENT_BYTES:
        message = f"An event is at most {settings.MAX_EVENT_BYTES} bytes."
        raise ValidationError([ErrorDetail(message, code="payload_too_large")])


def schema_failures(envelope: Envelope, organization: Organization) -> list[dict[str, str]]:
    """Where the event does not fit the schema of its type, which the organisation knows."""
    try:
        validator = validator_of(organization, envelope.name)
    except SchemaError as error:
        return [{"path": "", "message": f"The schema of the type is not usable: {error}"[:200]}]
    return [
        {"path": failure.path, "message": failure.message}
        for failure in validator.failures(dict(envelope.whole))
    ]


def _fate(item: Stored) -> Fate:
    event_id = item.checked.envelope.event_id
    if item.is_conflict:
        message = "The eventId was used for another event."
        return ValidationError({"eventId": [ErrorDetail(message, code="event_conflict")]})
    return Accepted(event_id, is_duplicate=not item.is_new)
