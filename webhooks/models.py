import uuid
from typing import Any, Self

from django.db import models
from django.utils import timezone

from organizations.encryption import EncryptedTextField
from organizations.models import Organization
from webhooks.object_id import new_object_id


class WebhookType(models.TextChoices):
    HTTP = "HTTP", "HTTP"
    QUEUE = "queue", "Queue"


class Method(models.TextChoices):
    POST = "POST", "POST"
    PUT = "PUT", "PUT"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization, deleted_at=None)

    def deliverable(self) -> Self:
        return self.filter(deleted_at=None, deactivated_at=None)


class Webhook(models.Model):
    """Where an organisation's events go, which of them, and how.

    `revision` goes up with every change, so that a process which keeps a prepared destination
    sees that it is old. A webhook is deleted by `deleted_at`; its deliveries stay readable.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="webhooks")
    public_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    consumer_group_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    url = models.TextField()
    webhook_type = models.CharField(max_length=5, choices=WebhookType, default=WebhookType.HTTP)
    method = models.CharField(max_length=4, choices=Method, default=Method.POST)
    max_connections = models.PositiveSmallIntegerField()
    sla_s = models.PositiveIntegerField(default=30)
    timeout_s = models.PositiveSmallIntegerField(default=30)
    replay_on_429 = models.BooleanField(default=False)
    filter: "models.JSONField[Any, Any]" = models.JSONField(null=True, blank=True)
    listen_to_child_events = models.BooleanField(default=False)
    enrich_till = models.BooleanField(default=False)
    enrich_store = models.BooleanField(default=False)
    enrich_card_number = models.BooleanField(default=False)
    enrich_awarded_reference = models.BooleanField(default=False)
    enrich_points_balance = models.BooleanField(default=False)
    enrich_customer_sources: "models.JSONField[list[str], list[str]]" = models.JSONField(
        default=list, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    updated_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    deactivation_reason = models.CharField(max_length=200, blank=True, default="")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(deleted_at=None),
                name="webhook_name_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(max_connections__gte=1), name="webhook_max_connections_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None and self.deleted_at is None

    def activate(self) -> None:
        self.deactivated_at = None
        self.deactivation_reason = ""

    def deactivate(self, reason: str = "") -> None:
        """Hold what is pending; the moment and reason of the first deactivation stay."""
        if self.deactivated_at is None:
            self.deactivated_at = timezone.now()
            self.deactivation_reason = reason

    def delete_softly(self) -> None:
        self.deleted_at = timezone.now()


class Header(models.Model):
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="headers")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    value = EncryptedTextField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="subscriptions")
    position = models.PositiveSmallIntegerField()
    event_name = models.CharField(max_length=100)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_name"], name="subscription_unique")
        ]
        indexes = [models.Index(fields=["event_name", "webhook"], name="subscription_by_event")]

    def __str__(self) -> str:
        return self.event_name


class SigningSecret(models.Model):
    """One of a webhook's secrets; while `expires_at` is in the future an old one signs as well."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="signing_secrets")
    secret = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"signing secret of {self.webhook_id}"
