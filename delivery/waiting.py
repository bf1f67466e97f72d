"""How much waits for a webhook, as pages say it."""

from dataclasses import dataclass

from delivery.models import WAITING, Delivery
from webhooks.models import Webhook

MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """When it `has_more`, there are more than `count`."""

    count: int
    has_more: bool = False

    def __str__(self) -> str:
        noun = "delivery" if self.count == 1 else "deliveries"
        return f"{'Over ' if self.has_more else ''}{self.count:,} {noun}"

    def verb(self, one: str, many: str) -> str:
        """ "1 delivery waits", "2 deliveries wait"."""
        return f"{self} {one if self.count == 1 else many}"


def waiting_for(webhook: Webhook) -> Waiting:
    """What is pending or retrying now; not what is in flight, which ends by itself."""
    rows = Delivery.objects.filter(webhook=webhook, state__in=WAITING).order_by()
    count = rows[: MOST_COUNTED + 1].count()
    return Waiting(min(count, MOST_COUNTED), count > MOST_COUNTED)
