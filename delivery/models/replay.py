import datetime as dt
from typing import Any, Self

from django.db import models
from django.db.models.functions import Now

from events.models import new_row_id
from organizations.models import Organization
from webhooks.models import Webhook


class ReplayQuerySet(models.QuerySet["Replay"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(webhook__organization=organization)

    def running(self) -> Self:
        """Those that have rows left to make."""
        return self.filter(finished_at=None)


class Replay(models.Model):
    """Deliveries of one webhook that are made again, a batch at a time, each event once.

    Of the deliveries of events that came in from `start` up to `end` it takes those whose newest
    is in one of `states` and whose event is one of `event_names` (empty: any); with `missing` also
    events of that time that never had a delivery to the webhook. `total` was counted when it was
    asked for; `made` and `passed_over` tell how far it is, `place` where it goes on.
    It runs until `finished_at`; `cancelled_at` is set when it was stopped before its end.
    """

    id = models.UUIDField(primary_key=True, default=new_row_id, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="replays")
    start = models.DateTimeField()
    end = models.DateTimeField()
    states: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    event_names: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    missing = models.BooleanField(default=False)
    total = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)
    passed_over = models.PositiveIntegerField(default=0)
    place: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    requested_by: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict
    )
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], name="replay_running", condition=models.Q(finished_at=None))
        ]

    def __str__(self) -> str:
        return f"replay {self.pk} to {self.webhook_id}"

    @property
    def is_running(self) -> bool:
        return self.finished_at is None

    def go_on(self, made: int, place: Any) -> None:
        """So many more were made; the next batch begins at `place`."""
        self.made += made
        self.place = place
        self.save(update_fields=["made", "place"])

    def finish(self, now: dt.datetime) -> None:
        """All is made that there was to make: what was counted and is not was in no need of it."""
        self.passed_over = max(self.total - self.made, 0)
        self.finished_at = now
        self.save(update_fields=["passed_over", "finished_at"])

    def cancel(self, now: dt.datetime) -> None:
        """Make nothing more. Its deliveries are another matter."""
        self.finished_at = self.finished_at or now
        self.cancelled_at = now
        self.save(update_fields=["finished_at", "cancelled_at"])
