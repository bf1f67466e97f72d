"""From an invitation to a member."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest

from organizations import audit
from organizations.authentication import Caller
from organizations.members import audited
from organizations.models import Access, Invitation, Membership, Organization

MOST_OPEN = 100  # at a time in one organisation


class NoLongerOpen(Exception):
    """It was accepted, was revoked or has expired since it was looked at."""


@transaction.atomic
def invite(
    organization: Organization,
    email: str,
    *,
    access: Access,
    may_write_events: bool,
    by: audit.By,
) -> tuple[Invitation, str]:
    """The invitation and its token, which can not be read again. Raises ValidationError."""
    organization.lock()
    email = email.lower()
    _refuse_the_invited(organization, email)
    invitation = Invitation(
        organization=organization,
        email=email,
        webhooks_access=access,
        may_write_events=may_write_events,
        invited_by=audit.caller_in(by).actor,
    )
    token = invitation.issue_token()
    invitation.full_clean()
    invitation.save(force_insert=True)
    audit.record(by, action="created", obj=invitation, after=_audited(invitation))
    return invitation, token


def _refuse_the_invited(organization: Organization, email: str) -> None:
    if organization.memberships.filter(_has_address(email, "user__")).exists():
        raise ValidationError({"email": "This person is a member already."})
    waiting = organization.invitations.all().open()
    if waiting.filter(email=email).exists():
        raise ValidationError(
            {
                "email": "This address has an invitation that waits to be accepted. "
                "Revoke it first if you need a new link."
            }
        )
    if waiting.count() >= MOST_OPEN:
        raise ValidationError(f"{MOST_OPEN} invitations are open. Revoke some of them first.")


@transaction.atomic
def revoke(invitation: Invitation, by: audit.By) -> None:
    """Raises NoLongerOpen."""
    locked = _lock(invitation)
    locked.revoke()
    audit.record(by, action="revoked", obj=locked, before=_audited(locked))


@transaction.atomic
def join(invitation: Invitation, user: User, request: HttpRequest) -> Membership:
    """Make the user a member. Raises NoLongerOpen, and ValidationError of one who is already."""
    locked = _lock(invitation)
    if locked.organization.memberships.filter(user=user).exists():
        raise ValidationError("You are a member already.", "member_already")
    membership = Membership.objects.create(
        organization=locked.organization,
        user=user,
        webhooks_access=locked.webhooks_access,
        may_write_events=locked.may_write_events,
        invited_by=locked.invited_by,
    )
    locked.accept()
    request.caller = Caller.member(membership)  # type: ignore[attr-defined]  # as pages do
    audit.record(request, action="created", obj=membership, after=audited(membership))
    return membership


def join_as_new(
    invitation: Invitation, request: HttpRequest, *, full_name: str, password: str
) -> Membership:
    """Make a user, who signs in with the e-mail address, a member.

    Raises NoLongerOpen, and ValidationError by field: `password`, or of an address that is taken.
    """
    user = User(username=invitation.email, email=invitation.email, first_name=full_name)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error
    user.set_password(password)
    # An address may hold characters that Django's usernames do not.
    user.full_clean(exclude=["username"])
    try:
        with transaction.atomic():
            if account_of(invitation.email):
                raise ValidationError("Somebody has an account with this address.", "taken")
            user.save(force_insert=True)
            return join(invitation, user, request)
    except IntegrityError as error:
        raise ValidationError("Somebody has just taken this address.", "taken") from error


def account_of(email: str) -> User | None:
    """Who has this address already."""
    return User.objects.filter(_has_address(email)).first()


def _has_address(email: str, prefix: str = "") -> Q:
    return Q(**{f"{prefix}username__iexact": email}) | Q(**{f"{prefix}email__iexact": email})


def _lock(invitation: Invitation) -> Invitation:
    invitation.organization.lock()
    locked = Invitation.objects.select_related("organization").get(pk=invitation.pk)
    if not locked.is_open:
        raise NoLongerOpen
    return locked


def _audited(invitation: Invitation) -> dict[str, Any]:
    return {
        "email": invitation.email,
        "webhooks_access": str(invitation.webhooks_access),
        "may_write_events": invitation.may_write_events,
        "expires_at": invitation.expires_at,
    }
