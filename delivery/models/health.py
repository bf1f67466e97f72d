from django.db import models

from webhooks.models import Webhook


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
