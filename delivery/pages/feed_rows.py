"""Events with what became of them at the reader's own webhooks."""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Max

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
    """`counts`: webhooks by the state of the newest delivery to them. `filter_error`: why the
    filter of one of them could not be evaluated; else empty."""

    event: Event
    counts: Mapping[State, int]
    filter_error: str = ""

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
    filter_errors: dict[object, str] = {}
    own = Delivery.objects.for_organization(organization)
    deliveries = newest(own.filter(event__in=[event.pk for event in events]))
    states = deliveries.order_by().values_list("event_id", "state")
    told = states.annotate(Count("id"), Max("filter_error"))
    for event_id, state, count, filter_error in told if events else ():
        counts[event_id][State(state)] = count
        filter_errors[event_id] = filter_errors.get(event_id) or filter_error
    return [
        FeedRow(event, counts.get(event.pk, {}), filter_errors.get(event.pk, ""))
        for event in events
    ]
