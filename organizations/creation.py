"""Makes organisations and those who may act for them: whole, or not at all."""

from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils.crypto import get_random_string

from organizations.models import Access, Credential, Membership, Organization
from organizations.models.credential import IssuedSecrets

MAX_ORGANIZATION_ID = 2**53 - 1  # what every JSON parser reads exactly
GENERATED_PASSWORD_LENGTH = 20


class NewCredential(NamedTuple):
    credential: Credential
    issued: IssuedSecrets


class NewUser(NamedTuple):
    membership: Membership
    password: str


@transaction.atomic
def create_organization(
    name: str,
    *,
    organization_id: int | None = None,
    parent: Organization | None = None,
    time_zone: str = "UTC",
) -> Organization:
    """`organization_id` None: the next one. Raises ValidationError."""
    if organization_id is not None and not 0 < organization_id <= MAX_ORGANIZATION_ID:
        raise ValidationError({"id": f"The id is from 1 to {MAX_ORGANIZATION_ID}."})
    organization = Organization(pk=organization_id, name=name, parent=parent, time_zone=time_zone)
    organization.full_clean()
    organization.save(force_insert=True)
    if organization_id is not None:
        _go_on_after_given_ids()
    return organization


def _go_on_after_given_ids() -> None:
    """PostgreSQL's sequence does not notice ids that were given; the next one would collide."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Organization]):
            cursor.execute(statement)


@transaction.atomic
def create_credential(
    organization: Organization,
    code: str,
    *,
    name: str = "",
    webhooks: Access = Access.NONE,
    events: bool = False,
    expires_at: datetime | None = None,
) -> NewCredential:
    """`expires_at` None: never. The secrets can not be read again. Raises ValidationError."""
    credential = Credential(
        organization=organization,
        code=code,
        name=name,
        webhooks_access=webhooks,
        may_write_events=events,
        expires_at=expires_at,
    )
    issued = credential.renew_secrets()
    credential.full_clean()
    credential.save(force_insert=True)
    return NewCredential(credential, issued)


@transaction.atomic
def create_user(
    organization: Organization,
    username: str,
    *,
    password: str | None = None,
    webhooks: Access = Access.NONE,
    events: bool = False,
) -> NewUser:
    """A user of the pages, member of the organisation. Raises ValidationError.

    `password` None: one is made; a given one must please the validators of the settings.
    """
    user = User(username=User.normalize_username(username))
    if password is None:
        password = get_random_string(GENERATED_PASSWORD_LENGTH)
    else:
        validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save(force_insert=True)
    membership = Membership(
        organization=organization, user=user, webhooks_access=webhooks, may_write_events=events
    )
    membership.full_clean()
    membership.save(force_insert=True)
    return NewUser(membership, password)
