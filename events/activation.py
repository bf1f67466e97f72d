"""What an organisation sets of any event type: whether it is active, and how it is checked."""

from django.db import transaction

from events.catalogue import CATALOGUE
from events.event_types import remembered
from events.models import EventType, Validation
from organizations import audit
from organizations.models import Organization


def configure(
    by: audit.By,
    organization: Organization,
    name: str,
    *,
    active: bool | None = None,
    validation: Validation | None = None,
) -> None:
    """Set what is not None and record it; nothing happens if it is so already.

    An inactive type is refused when it is sent, and can not be subscribed to anew. A standard
    type gets its row here. Raises KeyError for a name that the organisation does not know. Other
    processes see it within `event_types.REMEMBERED_S`.
    """
    wanted = {"active": active, "validation": validation}
    with transaction.atomic():
        event_type = _locked(organization, name)
        changed = {
            field: value
            for field, value in wanted.items()
            if value is not None and getattr(event_type, field) != value
        }
        before = {field: _plain(getattr(event_type, field)) for field in changed}
        for field, value in changed.items():
            setattr(event_type, field, value)
        if changed:
            event_type.save(update_fields=[*changed, "updated_at"])
            after = {field: _plain(value) for field, value in changed.items()}
            audit.record(by, action=_action(after), obj=event_type, before=before, after=after)
    remembered.forget(organization)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value


def _action(after: dict[str, object]) -> str:
    if after.keys() == {"active"}:
        return "activated" if after["active"] else "deactivated"
    return "changed"


def _locked(organization: Organization, name: str) -> EventType:
    rows = EventType.objects.live().filter(organization=organization).select_for_update()
    if name in CATALOGUE:
        return rows.get_or_create(organization=organization, name=name)[0]
    try:
        return rows.get(name=name)
    except EventType.DoesNotExist:
        raise KeyError(name) from None
