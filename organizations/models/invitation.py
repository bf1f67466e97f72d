import secrets
from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.utils import timezone

from organizations.models.credential import Access, digest_of
from organizations.models.organization import Organization, OrganizationOwnedQuerySet

LIFETIME = timedelta(days=7)


class InvitationQuerySet(OrganizationOwnedQuerySet["Invitation"]):
    def open(self) -> Self:
        """Those that can still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def with_token(self, token: str) -> "Invitation | None":
        """Whether open or not; None for a token that was never given out.

        Looked up by digest, so how long it takes tells nothing about tokens that exist.
        """
        digest = digest_of(token)
        invitation = self.select_related("organization").filter(token_digest=digest).first()
        known = secrets.compare_digest(invitation.token_digest if invitation else "", digest)
        return invitation if known else None


class Invitation(models.Model):
    """Makes a member of whoever holds its token, once. The token itself is kept nowhere."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=150)  # becomes a username, which is no longer
    webhooks_access = models.CharField(max_length=5, choices=Access, default=Access.READ)
    may_write_events = models.BooleanField(default=False)
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email

    @property
    def access(self) -> Access:
        return Access(self.webhooks_access)

    @property
    def is_open(self) -> bool:
        return not (self.accepted_at or self.revoked_at) and self.expires_at > timezone.now()

    def issue_token(self) -> str:
        """Set a new token on the unsaved row, good for a week; it can not be read again later."""
        token = secrets.token_urlsafe(32)
        self.token_digest = digest_of(token)
        self.expires_at = timezone.now() + LIFETIME
        return token

    def accept(self) -> None:
        self.accepted_at = timezone.now()
        self.save(update_fields=["accepted_at"])

    def revoke(self) -> None:
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])
