"""The body of a test: its event type's sample, or one's own, completed as an accepted event."""

import time
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from delivery.intake import check_size, schema_failures
from events.envelope import parse, unwrap
from events.event_types import sample_of
from events.family_types import visible_types
from events.models import new_row_id
from events.store import Checked
from organizations.models import Organization

# Filled in anew, so that an example's own do not pass for somebody's.
FILLED_IN = frozenset({"eventId", "orgId", "refId", "apiRequestId", "createdAt"})


def example(organization: Organization, name: str) -> dict[str, Any]:
    """The type's sample without what is filled in when it is sent; bare where there is none."""
    try:
        sample = sample_of(organization, name)
    except KeyError:  # deleted just now
        sample = None
    given = sample if isinstance(sample, dict) else {}
    data = given.get("data")
    kept = {key: value for key, value in given.items() if key not in FILLED_IN}
    return {"eventName": name, **kept} | {
        "eventName": name,
        "data": data if isinstance(data, dict) else {},
    }


def composed(organization: Organization, name: str, data: object, event: object) -> dict[str, Any]:
    """The sample, with `data` in its place, or the whole of `event`; neither may be given (None).

    Whatever it says, it gets an event id of its own: no test is a repetition. Raises
    ValidationError.
    """
    if name not in visible_types(organization):
        raise _problem("eventName", "event_unknown", "No such event type.")
    if event is None:
        given = example(organization, name)
        return given if data is None else {**given, "data": data}
    if data is not None:
        raise _problem("event", "invalid", "Give data or the whole event, not both.")
    try:
        own = dict(unwrap(event))
    except ValidationError as error:
        raise ValidationError({"event": error.detail}) from None
    if own.setdefault("eventName", name) != name:
        raise _problem("event.eventName", "event_name_invalid", f"This is a test of {name}.")
    own.pop("eventId", None)
    return own


def checked(
    organization: Organization, name: str, *, data: object, event: object, request_id: str
) -> Checked:
    """What may be sent, with where it does not fit its schema: a test is not refused for that.

    Raises ValidationError with every other rule of ingest that it breaks.
    """
    body = composed(organization, name, data, event)
    try:
        envelope = parse(
            body,
            organization_id=organization.pk,
            request_id=request_id,
            now_ms=int(time.time() * 1000),
        )
    except ValidationError as error:
        raise (error if event is None else ValidationError({"event": error.detail})) from None
    check_size(envelope)
    try:
        failures = schema_failures(envelope, organization)
    except KeyError:  # deleted just now
        raise _problem("eventName", "event_unknown", "No such event type.") from None
    return Checked(new_row_id(), envelope, failures or None)


def _problem(field: str, code: str, message: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(message, code=code)]})
