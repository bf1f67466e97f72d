"""Which members get alerts by e-mail. A parent's members are told of its own webhooks only."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from organizations.models import Membership, Organization

MOST = 1_000


def recipients(organization: Organization) -> list[Membership]:
    """One for each address."""
    by_address: dict[str, Membership] = {}
    for member in members(organization):
        if not why_not(member):
            by_address.setdefault(member.user.email.lower(), member)
    return list(by_address.values())


def members(organization: Organization) -> list[Membership]:
    people = Membership.objects.for_organization(organization)
    return list(people.select_related("user", "organization")[:MOST])


def why_not(member: Membership) -> str:
    """Why the member gets no e-mail of alerts; "" for one who does."""
    if not member.user.is_active:
        return "may not sign in"
    if not member.access.may_read:
        return "has no access to webhooks"
    if not member.wants_alerts:
        return "has switched it off"
    if not member.user.email:
        return "has no e-mail address"
    if not _is_address(member.user.email):
        return "has an e-mail address that nothing can be sent to"
    return ""


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
