from typing import Self

from django.db import models
from django.db.models.functions import Now

from delivery.models.state import (
    REPLAYABLE,
    UNDELIVERED,
    UNHAPPY,
    UNSUCCESSFUL,
    WAITING,
    State,
)
from events.models import Event, new_row_id
from organizations.models import Organization
from webhooks.models import Webhook


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def for_organization(self, organization: Organization) -> Self:
        """Those to the organisation's own webhooks (a parent's include its children's events)."""
        return self.filter(webhook__organization=organization)

    def cancel(self) -> int:
        """End what waits; what is in flight ends by itself. Answers how many were cancelled."""
        return self.filter(state__in=WAITING).update(
            state=State.CANCELLED, finished_at=Now(), next_attempt_at=None
        )

    def fence_off(self) -> int:
        """No claim of before may move these any more, but by a late success: its outcome is then
        looked at alone, under a lock."""
        return self.update(lease_token=models.F("lease_token") + 1)


class Delivery(models.Model):
    """One event on its way to one webhook. Times are the database's.

    `attempts` counts sends, and is raised when a row is claimed. `lease_token` is raised by every
    claim and demanded by every outcome: a worker that was given up for dead can not overwrite
    its successor. `lost_leases` counts workers in a row that never reported back.
    `ingested_at` is the event's, copied (for a replay too), so that the log of a webhook is read
    in order from one index.
    """

    id = models.UUIDField(primary_key=True, default=new_row_id, editable=False)
    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    webhook = models.ForeignKey(Webhook, models.PROTECT, related_name="deliveries", db_index=False)
    state = models.CharField(max_length=11, choices=State, default=State.PENDING)
    is_replay = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    ingested_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(null=True, db_default=Now())
    expires_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease_token = models.PositiveIntegerField(default=0)
    lost_leases = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    sla_due_at = models.DateTimeField(null=True)
    sla_breached_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=20, blank=True, default="")
    last_duration_ms = models.FloatField(null=True)
    # Why the webhook's filter could not be evaluated, so that it let the event pass; else empty.
    filter_error = models.CharField(max_length=200, blank=True, default="", db_default="")
    # The replay that made it; None for the first delivery and for one that was replayed alone.
    replay = models.ForeignKey(
        "Replay", models.PROTECT, null=True, related_name="deliveries", db_index=False
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "webhook"],
                condition=models.Q(is_replay=False),
                name="delivery_unique",
            ),
            models.UniqueConstraint(
                fields=["replay", "event"],
                condition=models.Q(replay__isnull=False),
                name="delivery_once_in_replay",
            ),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "state", "next_attempt_at", "id"],
                name="delivery_due",
                condition=models.Q(state__in=WAITING),
            ),
            models.Index(
                fields=["expires_at"], name="delivery_expiry", condition=models.Q(state__in=WAITING)
            ),
            models.Index(
                fields=["lease_until"],
                name="delivery_lease",
                condition=models.Q(state=State.IN_FLIGHT),
            ),
            models.Index(
                fields=["sla_due_at"],
                name="delivery_sla",
                condition=models.Q(
                    sla_breached_at=None, sla_due_at__isnull=False, state__in=UNSUCCESSFUL
                ),
            ),
            models.Index(fields=["webhook", "ingested_at", "id"], name="delivery_log"),
            # The few that a log is searched for, and the few that stand for an older delivery.
            models.Index(
                fields=["webhook", "ingested_at", "id"],
                name="delivery_undelivered",
                condition=models.Q(state__in=UNDELIVERED),
            ),
            models.Index(
                fields=["webhook", "event"],
                name="delivery_replayed",
                condition=models.Q(is_replay=True),
            ),
            # The feed's, of all webhooks; with what its search needs of a row.
            models.Index(
                fields=["state", "ingested_at", "event", "webhook"],
                name="delivery_unhappy",
                condition=models.Q(state__in=UNHAPPY),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook_id}"

    @property
    def child(self) -> Organization | None:
        """Whose event it is, when it is not of the webhook's own organisation."""
        if self.event.organization_id == self.webhook.organization_id:
            return None
        return self.event.organization

    @property
    def is_made_again(self) -> bool:
        """By hand: not by the event's coming in."""
        return self.is_replay or self.replay_id is not None

    @property
    def can_be_made_again(self) -> bool:
        return self.state in REPLAYABLE and self.webhook.is_active
