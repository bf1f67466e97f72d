import uuid
from typing import Any, Self

import uuid_utils.compat
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from events import type_rules
from events.json_text import JsonTextField, json_text
from organizations.models import Organization
from organizations.models.organization import OrganizationOwnedQuerySet


def new_row_id() -> uuid.UUID:
    """UUID v7: unique without asking the database, and sorted by time."""
    return uuid_utils.compat.uuid7()


class Validation(models.TextChoices):
    """What happens to an event whose `data` does not fit the schema of its type."""

    OFF = "off", "Not checked"
    WARN = "warn", "Accepted and marked"
    REJECT = "reject", "Rejected"


class EventTypeQuerySet(OrganizationOwnedQuerySet["EventType"]):
    def live(self) -> Self:
        """Without the custom types that were deleted."""
        return self.filter(deleted_at=None)


class EventType(models.Model):
    """What an organisation decided about an event type.

    A standard type (`schema` is null; its schema and sample come with the program) has a row
    only when the organisation changed its settings; a custom type always has one. A custom type
    is deleted by `deleted_at`: its versions stay readable, and go on when its name is used again.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="event_types")
    name = models.CharField(max_length=100)
    group = models.CharField(max_length=100, blank=True)
    description = models.TextField(blank=True)
    active = models.BooleanField(default=True)
    validation = models.CharField(max_length=6, choices=Validation, default=Validation.WARN)
    schema = JsonTextField(null=True, blank=True)
    sample = JsonTextField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = EventTypeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="event_type_unique")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The rules of a custom type."""
        found: dict[str, list[ValidationError]] = {
            "name": list(type_rules.name_problems(self.name)),
            "group": list(type_rules.group_problems(self.group)),
            "description": list(type_rules.description_problems(self.description)),
            "schema": list(type_rules.schema_problems(self.schema)),
        }
        # What is wrong with the sample can not be told by a schema that is wrong itself.
        if not found["schema"]:
            found["sample"] = list(
                type_rules.sample_problems(
                    self.sample, self.schema, self.name, self.organization_id
                )
            )
        if any(found.values()):
            raise ValidationError({name: problems for name, problems in found.items() if problems})

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    def set_content(self, schema: Any, sample: Any) -> None:
        """Another schema or sample is another version; numbers never come again."""
        if json_text([schema, sample]) != json_text([self.schema, self.sample]):
            self.schema, self.sample = schema, sample
            self.version += 1

    def delete_softly(self) -> None:
        self.deleted_at = timezone.now()

    def revive(self) -> None:
        """A deleted type's name is used again: its versions go on."""
        self.deleted_at = None
        self.version += 1


class EventTypeVersion(models.Model):
    """A custom type's schema and sample as they were from `created_at` on."""

    event_type = models.ForeignKey(EventType, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    schema = JsonTextField(null=True, blank=True)
    sample = JsonTextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["event_type", "number"], name="event_type_version_unique"
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.event_type_id}"

    @property
    def author(self) -> str:
        """Empty if it was not made by anybody who signed in."""
        return str(self.created_by.get("name") or self.created_by.get("code") or "")


class Event(models.Model):
    """Something that happened, as accepted. Never changed afterwards.

    `payload` is the text that receivers get: the producer's key order and numbers, completed.
    `digest` is of what the producer sent and tells a repetition from a conflict.
    """

    id = models.UUIDField(primary_key=True, default=new_row_id, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=128)
    name = models.CharField(max_length=100)
    ref_id = models.CharField(max_length=256)
    request_id = models.CharField(max_length=128)
    search_key = models.CharField(max_length=200, blank=True)
    customer_id = models.CharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField()
    ingested_at = models.DateTimeField(db_default=Now())
    received_from = models.CharField(max_length=100, blank=True)
    is_test = models.BooleanField(default=False)
    digest = models.CharField(max_length=32)
    failures: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    payload = models.TextField()

    objects = OrganizationOwnedQuerySet["Event"].as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "event_id"], name="event_id_unique")
        ]
        indexes = [
            models.Index(fields=["organization", "ref_id"], name="event_by_ref"),
            models.Index(fields=["organization", "request_id"], name="event_by_request"),
            models.Index(fields=["organization", "ingested_at", "id"], name="event_in_order"),
            models.Index(fields=["organization", "name", "ingested_at"], name="event_by_name"),
            models.Index(
                fields=["organization", "search_key"],
                name="event_by_search_key",
                condition=~models.Q(search_key=""),
            ),
            models.Index(
                fields=["organization", "customer_id"],
                name="event_by_customer",
                condition=~models.Q(customer_id=""),
            ),
            models.Index(fields=["id"], name="event_test", condition=models.Q(is_test=True)),
            models.Index(
                fields=["organization", "ingested_at", "id"],
                name="event_mismatch",
                condition=models.Q(failures__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"

    @property
    def customer(self) -> str:
        """What the customer is known by here; empty when the event names none."""
        return self.customer_id or self.search_key

    @property
    def differing_paths(self) -> int:
        """How many places of it its schema does not allow."""
        return len({failure["path"] for failure in self.failures or ()})


class EventTally(models.Model):
    """How many events of a type came in on a day (UTC). Those of tests are not among them."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="event_tallies")
    name = models.CharField(max_length=100)
    day = models.DateField()
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "day", "name"], name="event_tally_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.day}"


class EventTallyMark(models.Model):
    """The single row that tells up to which moment of their coming in events are tallied."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.until}"
