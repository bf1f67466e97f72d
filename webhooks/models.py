import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any, Self

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from organizations.encryption import EncryptedTextField
from organizations.models import Organization
from webhooks import queue_password
from webhooks.object_id import new_object_id
from webhooks.payload_filter import parse as parse_filter
from webhooks.rules import (
    validate_http_url,
    validate_name,
    validate_queue_url,
    validate_sources,
)

MAX_CONNECTIONS = 1_000
MAX_TIMEOUT_S = 30
MAX_SLA_S = 2**31 - 1  # what the column holds
MAX_DESCRIPTION = 2_000
# So much is promised, and two seconds more are the page's way to its reader. Events are kept for
# the webhook longer than it can come back, so that none is missed by one that does at the end.
UNDO_S = 10
UNDO_FOR = dt.timedelta(seconds=UNDO_S + 2)
KEPT_FOR = dt.timedelta(seconds=UNDO_S + 5)

TOUCHED = ("revision", "updated_at", "updated_by")  # what Webhook.touch sets


class WebhookType(models.TextChoices):
    HTTP = "HTTP", "HTTP"
    QUEUE = "queue", "Queue"


class Method(models.TextChoices):
    POST = "POST", "POST"
    PUT = "PUT", "PUT"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization, deleted_at=None)

    def with_related(self) -> Self:
        return self.prefetch_related("headers", "subscriptions")

    def deliverable(self) -> Self:
        return self.filter(deleted_at=None, deactivated_at=None)

    def restorable(self) -> Self:
        """Deleted ones whose deletion can still be undone, by the database's clock."""
        return self.exclude(deleted_at=None).filter(undo_until__gt=Now() + (KEPT_FOR - UNDO_FOR))

    def seal_deletions(self) -> int:
        """From now on the deletions whose time is over can not be undone. Answers how many."""
        over = self.exclude(deleted_at=None).filter(undo_until__lte=Now())
        return over.update(undo_until=None) if over.exists() else 0


class Webhook(models.Model):
    """Where an organisation's events go, which of them, and how.

    `revision` goes up with every change, so that a process which keeps a prepared destination
    sees that it is old. A webhook is deleted by `deleted_at`; its deliveries stay readable.
    While a deleted one has an `undo_until`, it may come back: its deliveries are held, and it
    still gets new ones up to that moment.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="webhooks")
    public_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    consumer_group_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, validators=[validate_name])
    description = models.TextField(
        blank=True, default="", validators=[MaxLengthValidator(MAX_DESCRIPTION)]
    )
    url = models.TextField()
    # The credentials of a queue's URL (`user:password`), which `url` itself does not hold.
    url_secret = EncryptedTextField(blank=True, default="")
    webhook_type = models.CharField(max_length=5, choices=WebhookType, default=WebhookType.HTTP)
    method = models.CharField(max_length=4, choices=Method, default=Method.POST)
    max_connections = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CONNECTIONS)]
    )
    sla_s = models.PositiveIntegerField(default=30, validators=[MaxValueValidator(MAX_SLA_S)])
    timeout_s = models.PositiveSmallIntegerField(
        default=MAX_TIMEOUT_S,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_TIMEOUT_S)],
    )
    replay_on_429 = models.BooleanField(default=False)
    filter: "models.JSONField[Any, Any]" = models.JSONField(null=True, blank=True)
    listen_to_child_events = models.BooleanField(default=False)
    enrich_till = models.BooleanField(default=False)
    enrich_store = models.BooleanField(default=False)
    enrich_card_number = models.BooleanField(default=False)
    enrich_awarded_reference = models.BooleanField(default=False)
    enrich_points_balance = models.BooleanField(default=False)
    enrich_customer_sources: "models.JSONField[list[str], list[str]]" = models.JSONField(
        default=list, blank=True, validators=[validate_sources]
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    created_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    updated_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict, blank=True
    )
    revision = models.PositiveIntegerField(default=1)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    deactivation_reason = models.CharField(max_length=200, blank=True, default="")
    deleted_at = models.DateTimeField(null=True, blank=True)
    undo_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(deleted_at=None),
                name="webhook_name_unique",
                violation_error_code="name_taken",
                violation_error_message="The name is taken; names are unique over all webhooks.",
            ),
            models.CheckConstraint(
                condition=models.Q(max_connections__gte=1), name="webhook_max_connections_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        problems: dict[str, ValidationError] = {}
        if self.url:
            try:
                if self.webhook_type == WebhookType.QUEUE:
                    validate_queue_url(self.url, self.url_secret)
                else:
                    validate_http_url(self.url)
            except ValidationError as problem:
                problems["url"] = problem
        if self.enrich_card_number and not self.enrich_customer_sources:
            problems["enrich_card_number"] = ValidationError(
                "Card numbers are put into sources; choose at least one.",
                "card_number_without_source",
            )
        if self.filter is not None:
            try:
                parse_filter(self.filter)
            except ValidationError as problem:
                problems["filter"] = problem
        if problems:
            raise ValidationError(problems)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """A name that is taken is a problem of the field, not of the webhook as a whole."""
        try:
            super().validate_constraints(exclude=exclude)
        except ValidationError as error:
            problems: dict[str, list[ValidationError]] = {}
            for problem in error.error_dict.get(NON_FIELD_ERRORS, []):
                field = "name" if problem.code == "name_taken" else NON_FIELD_ERRORS
                problems.setdefault(field, []).append(problem)
            raise ValidationError(problems) from None

    @property
    def shown_url(self) -> str:
        """As people and the API see it: a mask in the place of a queue's password."""
        return queue_password.shown(self.url, self.url_secret)

    @property
    def header_pairs(self) -> list[tuple[str, str]]:
        """In the order in which they were given; of prefetched rows without a query."""
        return [(header.name, header.value) for header in self.headers.all()]

    @property
    def event_names(self) -> list[str]:
        """Likewise."""
        return [subscription.event_name for subscription in self.subscriptions.all()]

    def touch(self, actor: dict[str, Any]) -> None:
        """It was changed now, by `actor`; processes that keep the old one read it anew."""
        self.revision += 1
        self.updated_at = timezone.now()
        self.updated_by = actor

    def forget_related(self) -> None:
        """After headers or subscriptions were written, prefetched ones are old."""
        self._prefetched_objects_cache: dict[str, object] = {}

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
