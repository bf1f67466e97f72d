from django.conf import settings
from django.db import models

from organizations.models.credential import Access
from organizations.models.organization import Organization, OrganizationOwnedQuerySet


class Membership(models.Model):
    """A user of the admin UI in one organisation, and what that user may do there."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    webhooks_access = models.CharField(max_length=5, choices=Access, default=Access.NONE)
    may_write_events = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OrganizationOwnedQuerySet["Membership"].as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"

    @property
    def access(self) -> Access:
        return Access(self.webhooks_access)
