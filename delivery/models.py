import datetime as dt
from typing import Any, Self

from django.db import models
from django.db.models.functions import Now

from events.models import Event, new_row_id
from organizations.models import Organization
from webhooks.models import Webhook


class State(models.TextChoices):
    PENDING = "pending", "Pending"
    IN_FLIGHT = "in_flight", "In flight"
    RETRYING = "retrying", "Retrying"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    BLOCKED = "blocked", "Blocked"
    EXPIRED = "expired", "Expired"
    QUARANTINED = "quarantined", "Quarantined"
    CANCELLED = "cancelled", "Cancelled"


WAITING = (State.PENDING, State.RETRYING)
OPEN = (*WAITING, State.IN_FLIGHT)
FINAL = tuple(state for state in State if state not in OPEN)
# What may be made again: it has ended, or waits after an attempt that failed.
REPLAYABLE = (*FINAL, State.RETRYING)
UNDELIVERED = tuple(state for state in FINAL if state is not State.DELIVERED)
FAILED = tuple(state for state in UNDELIVERED if state is not State.CANCELLED)
# What went wrong, now or in the end: rare where all is well, and what people look for.
UNHAPPY = (State.RETRYING, *UNDELIVERED)
# An SLA is of success: a final failure breaches it too, when its moment comes.
UNSUCCESSFUL = tuple(state for state in State if state not in (State.DELIVERED, State.CANCELLED))


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


class Attempt(models.Model):
    """One request and what came of it. Header lists are JSON texts of [name, value] pairs."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempt_log")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()
    address = models.CharField(max_length=64, blank=True)
    request_headers = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)
    response_headers = models.TextField()
    response_body = models.TextField()
    body_truncated = models.BooleanField(default=False)
    error = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"


class Health(models.Model):
    """How a webhook has answered lately, for all workers.

    `failures` counts failures in a row of the kind that a receiver's outage makes (no response,
    5xx). With five of them the circuit opens: nothing is sent before `open_until`, then one probe.
    `closed_at` is when the circuit last closed; the webhook's share grows from there.
    `failing_since` is the first failure after the last success, of any kind, and
    `failed_in_a_row` counts those since then; `late_at` is about when a delivery was late last.
    What people were told, and when: `failing_told_at`, `deactivated_told_at` and `sla_told_at`,
    which are None as soon as they were told that it recovered, at `recovered_told_at`.
    """

    webhook = models.OneToOneField(Webhook, models.CASCADE, primary_key=True, related_name="health")
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    failed_in_a_row = models.PositiveIntegerField(default=0, db_default=0)
    late_at = models.DateTimeField(null=True)
    failing_told_at = models.DateTimeField(null=True)
    deactivated_told_at = models.DateTimeField(null=True)
    sla_told_at = models.DateTimeField(null=True)
    recovered_told_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    openings = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    spread_from = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"health of {self.webhook_id}"


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


class Tally(models.Model):
    """How many deliveries to a webhook, of events that came in within `hour`, ended how.

    Kept by whoever changes the deliveries, in the same transaction; `delivery.tally` tells what
    is counted as what, and can count again. The number is the sum over the shards: processes
    that write at the same time have different ones, and do not wait for each other's row.
    """

    id = models.BigAutoField(primary_key=True)
    # Without a constraint in the database: to check it would lock the webhook's row, for which
    # others wait who hold deliveries.
    webhook = models.ForeignKey(
        Webhook, models.CASCADE, related_name="tallies", db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    what = models.CharField(max_length=16)
    shard = models.SmallIntegerField()
    count = models.BigIntegerField()
    total_ms = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "hour", "what", "shard"], name="tally_unique"
            )
        ]
        indexes = [
            models.Index(
                fields=["webhook", "hour"],
                name="tally_of_failures",
                condition=models.Q(what__in=FAILED),
            ),
            models.Index(fields=["hour"], name="tally_by_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.what} to {self.webhook_id} in {self.hour:%Y-%m-%d %H} h"


class SweepLeader(models.Model):
    """The single row that elects the sweeper where the database has no advisory locks."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    holder = models.CharField(max_length=64)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.holder
