from typing import Any

from django.db import models
from django.db.models.fields.json import KT

from organizations.models.organization import Organization, OrganizationOwnedQuerySet


class AuditEntry(models.Model):
    """Who changed what. `before` and `after` hold the fields that differ, credentials masked.

    `actor_code` is the actor's name to sign in with, or the till's code.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="audit_entries")
    at = models.DateTimeField(auto_now_add=True)
    actor: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    actor_code = models.GeneratedField(
        expression=KT("actor__code"), output_field=models.TextField(null=True), db_persist=True
    )
    from_address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=40)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200)
    before: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    after: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    objects = OrganizationOwnedQuerySet["AuditEntry"].as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        # One for each filter of the audit log, in its order: a page is read, never searched for.
        # Columns after the order let another filter pass over entries without reading them.
        indexes = [
            models.Index(
                fields=["organization", *one, "-at", "-id", *more], name=f"audit_by_{name}"
            )
            for name, one, more in (
                ("time", [], []),
                ("actor", ["actor_code"], ["action", "object_type"]),
                ("action", ["action"], ["object_type"]),
                ("type", ["object_type"], []),
                ("object", ["object_id"], []),
                ("name", ["object_name"], []),
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_name}"
