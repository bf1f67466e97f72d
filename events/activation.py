"""Switching event types on and off for an organisation."""

from django.db import transaction

from events.catalogue import CATALOGUE
from events.event_types import remembered
from events.models import EventType
from organizations import audit
from organizations.models import Organization


def set_active(by: audit.By, organization: Organization, name: str, *, active: bool) -> None:
    """Make the type active or inactive and record it; nothing happens if it is so already.

    A standard type gets its row here. Raises KeyError for a name that the organisation does not
    know. Other processes see it within `event_types.REMEMBERED_S`.
    """
    with transaction.atomic():
        event_type = _locked(organization, name)
        before = {"active": event_type.active}
        event_type.switch(active=active)
        if before["active"] is not active:
            event_type.save(update_fields=["active", "updated_at"])
            audit.record(
                by,
                action="activated" if active else "deactivated",
                obj=event_type,
                before=before,
                after={"active": active},
            )
    remembered.forget(organization)


def _locked(organization: Organization, name: str) -> EventType:
    rows = EventType.objects.for_organization(organization).select_for_update()
    if name in CATALOGUE:
        return rows.get_or_create(organization=organization, name=name)[0]
    try:
        return rows.get(name=name)
    except EventType.DoesNotExist:
        raise KeyError(name) from None
