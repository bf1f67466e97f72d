"""Events with what became of them at the reader's own webhooks."""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count

from delivery.log import newest
from delivery.models import Delivery, State
from events.models import Event
from organizations.models import Organization

WORST_FIRST = (
    *(State.FAILED, State.BLOCKED, State.QUARANTINED, State.EXPIRED),
    *(State.RETRYING, State.IN_FLIGHT, State.PENDING),
    *(State.CANCELLED, State.DELIVERED),
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """`counts`: webhooks by the state of the newest delivery to them."""

    event: Event
    counts: Mapping[State, int]

    @property
    def webhooks(self) -> int:
        return sum(self.counts.values())

    @property
    def delivered(self) -> int:
        return self.counts.get(State.DELIVERED, 0)

    @property
    def worst(self) -> State | None:
        """What needs attention most; None without a delivery."""
        return min(self.counts, key=WORST_FIRST.index, default=None)

    @property
    def customer(self) -> str:
        return self.event.customer

    @property
    def differing_paths(self) -> int:
        return self.event.differing_paths

    @property
    def mismatch(self) -> str:
        count = self.differing_paths
        return f"{count} path differs" if count == 1 else f"{count} paths differ"


def feed_rows(organization: Organization, events: Sequence[Event]) -> list[FeedRow]:
    """Deliveries to webhooks of other organisations (a parent's) are not the reader's."""
    counts: dict[object, dict[State, int]] = collections.defaultdict(dict)
    own = Delivery.objects.for_organization(organization)
    deliveries = newest(own.filter(event__in=[event.pk for event in events]))
    states = deliveries.order_by().values_list("event_id", "state").annotate(Count("id"))
    for event_id, state, count in states if events else ():
        counts[event_id][State(state)] = count
    return [FeedRow(event, counts.get(event.pk, {})) for event in events]
