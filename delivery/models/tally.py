from django.db import models

from delivery.models.state import FAILED
from webhooks.models import Webhook


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
