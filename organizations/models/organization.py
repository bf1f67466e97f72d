import zoneinfo
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import models

M = TypeVar("M", bound=models.Model)


class OrganizationOwnedQuerySet(models.QuerySet[M]):
    """Rows of models with an `organization`; views start from `for_organization`, never `all`."""

    def for_organization(self, organization: "Organization") -> "OrganizationOwnedQuerySet[M]":
        return self.filter(organization=organization)


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError("Use a tz database name, such as Asia/Kolkata.", "time_zone_unknown")


class Organization(models.Model):
    """A brand. Its id is the `orgId` of its events.

    A parent's webhooks with `listen_to_child_events` also get the events of its children;
    there is one level of children.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.parent and (self.parent.parent_id or self.parent_id == self.pk):
            raise ValidationError(
                {"parent": ValidationError("A parent has no parent itself.", "parent_not_top")}
            )

    def lock(self) -> None:
        """Whoever changes its members or its data waits until the transaction is over.

        Events do not wait.
        """
        Organization.objects.select_for_update(no_key=True).get(pk=self.pk)

    @property
    def may_have_children(self) -> bool:
        """There is one level: a child has none."""
        return self.parent_id is None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)
