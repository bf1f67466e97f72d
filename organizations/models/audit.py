from typing import Any

from django.db import models

from organizations.models.organization import Organization, OrganizationOwnedQuerySet


class AuditEntry(models.Model):
    """Who changed what. `before` and `after` hold the fields that differ, credentials masked."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="audit_entries")
    at = models.DateTimeField(auto_now_add=True)
    actor: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    from_address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=40)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200)
    before: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    after: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    objects = OrganizationOwnedQuerySet["AuditEntry"].as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["organization", "-at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_name}"
