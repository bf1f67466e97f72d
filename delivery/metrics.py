"""How the deliveries of a webhook went, in numbers."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Avg, Count, Exists, OuterRef, Q
from django.db.models.query import QuerySet

from delivery.models import FAILED, Delivery, State
from delivery.tally import DELIVERY_TIME
from events.models import Event

SENT_BEFORE = Q(attempts__gt=1)
IS = {
    "delivered": Q(state=State.DELIVERED),
    "failed": Q(state__in=FAILED),
    "retrying": Q(state=State.RETRYING) | Q(SENT_BEFORE, state=State.IN_FLIGHT),
    "pending": Q(state=State.PENDING) | Q(~SENT_BEFORE, state=State.IN_FLIGHT),
}


@dataclass(frozen=True)
class Metrics:
    """Numbers of events; the four parts add up to `total`.

    `failed` are all that ended without success: refused, expired, blocked, quarantined. What is
    in flight is pending at its first attempt, retrying afterwards. Cancelled deliveries and
    those of test events are in no number.
    `average_delivery_ms` is the mean time from the delivery's creation (with its event's, or by
    a replay) to its success; None when nothing was delivered.
    """

    delivered: int
    failed: int
    retrying: int
    pending: int
    average_delivery_ms: float | None

    @property
    def total(self) -> int:
        return self.delivered + self.failed + self.retrying + self.pending


def of(deliveries: QuerySet[Delivery]) -> Metrics:
    """In one query."""
    tests = Event.objects.filter(pk=OuterRef("event"), is_test=True)
    average = Avg(DELIVERY_TIME, filter=IS["delivered"])
    numbers = (
        deliveries.order_by()
        .filter(~Exists(tests))
        .aggregate(
            **{name: Count("pk", filter=condition) for name, condition in IS.items()},
            average=average,
        )
    )
    mean: timedelta | None = numbers.pop("average")
    return Metrics(
        **numbers, average_delivery_ms=None if mean is None else mean / timedelta(milliseconds=1)
    )
