import zoneinfo
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models

from organizations.models.credential import Access
from organizations.models.organization import (
    Organization,
    OrganizationOwnedQuerySet,
    validate_time_zone,
)


class MembershipQuerySet(OrganizationOwnedQuerySet["Membership"]):
    def of_user(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The user's own, oldest first, with their organisations."""
        own = self.none() if user.pk is None else self.filter(user_id=user.pk)
        return own.select_related("organization").order_by("pk")

    def in_charge(self) -> Self:
        """Those who can change what others may do."""
        return self.filter(webhooks_access=Access.WRITE, user__is_active=True)


class Membership(models.Model):
    """A user of the admin UI in one organisation, and what that user may do there."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    webhooks_access = models.CharField(max_length=5, choices=Access, default=Access.NONE)
    may_write_events = models.BooleanField(default=False)
    own_time_zone = models.CharField(
        max_length=64, blank=True, default="", validators=[validate_time_zone]
    )
    # By e-mail, of webhooks that fail and recover; of a member who may see webhooks.
    wants_alerts = models.BooleanField(default=True)
    # Who invited them, as "created by" is kept elsewhere; None: made on the command line.
    invited_by: "models.JSONField[dict[str, Any] | None, dict[str, Any] | None]" = models.JSONField(
        null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"

    @property
    def person(self) -> str:
        """The user's name for people."""
        return self.user.get_full_name() or self.user.get_username()

    @property
    def access(self) -> Access:
        return Access(self.webhooks_access)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """In which the pages show times to this member: their own, else the organisation's."""
        return zoneinfo.ZoneInfo(self.own_time_zone or self.organization.time_zone)
