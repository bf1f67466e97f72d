from django.db import models
from django.db.models.functions import Now

from events.models import Event
from organizations.models import Organization
from webhooks.models import Webhook


class AlertKind(models.TextChoices):
    SLA_BREACHED = "sla_breached", "Deliveries are late"
    FAILING = "failing", "Failing"
    DEACTIVATED = "deactivated", "Deactivated"
    RECOVERED = "recovered", "Recovered"


class Alert(models.Model):
    """A change of a webhook's state that people and systems are told of, once.

    It is written in the transaction that changes the state, and told afterwards: as `event` to
    the webhook that the organisation chose (looked after at `published_at`), and by e-mail to
    the members whose ids are in `mailed_to`. Mailing is over at `told_at`; `note` says in words
    why nobody, or not everybody, got one. `since` is when the trouble began, `failures` how many
    attempts in a row failed, and the last of these ended with `last_status` or `last_error`.
    """

    id = models.BigAutoField(primary_key=True)
    # Without a constraint in the database: to check it would lock the webhook's row, for which
    # others wait who hold deliveries.
    webhook = models.ForeignKey(
        Webhook, models.CASCADE, related_name="alerts", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=16, choices=AlertKind)
    reason = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=20, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    event = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="alerts")
    published_at = models.DateTimeField(null=True)
    mailed_to: "models.JSONField[list[int], list[int]]" = models.JSONField(default=list)
    note = models.CharField(max_length=200, blank=True, default="")
    told_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["webhook", "id"], name="alert_of_webhook"),
            models.Index(fields=["created_at"], name="alert_by_time"),
            models.Index(
                fields=["next_try_at"], name="alert_untold", condition=models.Q(told_at=None)
            ),
            models.Index(
                fields=["id"], name="alert_unpublished", condition=models.Q(published_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.webhook_id}"


class OperationalWebhook(models.Model):
    """The webhook of an organisation's choice that gets its operational events."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, primary_key=True, related_name="operational_webhook"
    )
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.webhook.name
