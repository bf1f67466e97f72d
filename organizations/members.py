"""What may be done to members. Somebody who can write always remains."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from organizations import audit
from organizations.models import Access, Membership

LAST_IN_CHARGE = (
    "Nobody else has Write here. Give it to another member first, "
    "or nobody could change anything any more."
)


@transaction.atomic
def change(
    membership: Membership, *, access: Access, may_write_events: bool, by: audit.By
) -> Membership:
    """Raises ValidationError of the last member with Write, Membership.DoesNotExist when gone."""
    locked = _lock(membership)
    before = audited(locked)
    locked.webhooks_access = access
    locked.may_write_events = may_write_events
    if audited(locked) == before:
        return locked
    if not access.may_write:
        _somebody_else_in_charge(locked, before)
    locked.save(update_fields=["webhooks_access", "may_write_events"])
    audit.record(by, action="changed", obj=locked, before=before, after=audited(locked))
    return locked


@transaction.atomic
def remove(membership: Membership, by: audit.By) -> None:
    """Ends the access at once: every request reads the membership.

    Raises ValidationError of the last member with Write, Membership.DoesNotExist when gone.
    """
    locked = _lock(membership)
    before = audited(locked)
    _somebody_else_in_charge(locked, before)
    audit.record(by, action="deleted", obj=locked, before=before)
    locked.delete()


def _lock(membership: Membership) -> Membership:
    membership.organization.lock()
    return Membership.objects.select_related("organization", "user").get(pk=membership.pk)


def audited(membership: Membership) -> dict[str, Any]:
    return {
        "webhooks_access": str(membership.webhooks_access),
        "may_write_events": membership.may_write_events,
    }


def _somebody_else_in_charge(membership: Membership, before: dict[str, Any]) -> None:
    if before["webhooks_access"] != Access.WRITE:
        return
    others = Membership.objects.exclude(pk=membership.pk).in_charge()
    if not others.for_organization(membership.organization).exists():
        raise ValidationError(LAST_IN_CHARGE, "last_in_charge")
