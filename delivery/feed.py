"""The events of an organisation by what became of them."""

from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet

from delivery.log import BY_INGESTION, newest
from delivery.models import UNHAPPY, Delivery, State
from events.models import Event
from organizations.keyset import Order
from organizations.models import Organization


def order_of(state: State | None) -> Order:
    """Of the feed of that state; None: of all."""
    if state in UNHAPPY:
        return Order("found__ingested_at", "found__event_id")
    return BY_INGESTION


def events_of_child(organization: Organization, child: Organization) -> QuerySet[Event]:
    """The child's events that came to webhooks of the organisation; the others are not its
    business."""
    own = Delivery.objects.for_organization(organization).filter(event=OuterRef("pk"))
    return Event.objects.filter(Exists(own), organization=child)


def events_with_state(
    organization: Organization, state: State, child: Organization | None = None
) -> QuerySet[Event]:
    """Its events, or those of a child, that have a delivery in that state, each once; to be
    narrowed as one likes.

    Of the deliveries to one webhook the newest counts, and only those to its own webhooks: a
    parent's are not its business.
    To be ordered, and bounded, by `order_of(state)`: what went wrong has an index in that order,
    however long ago it was, and a delivery bears its event's `ingested_at`. Other states are
    common among the latest events, or rare altogether.
    """
    own = Delivery.objects.for_organization(organization)
    deliveries = newest(own.filter(event=OuterRef("pk"), state=state))
    events = Event.objects.filter(organization=child or organization)
    if state not in UNHAPPY:
        return events.filter(Exists(deliveries))
    replays = Delivery.objects.filter(
        webhook=OuterRef("found__webhook"),
        event=OuterRef("pk"),
        is_replay=True,
        id__gt=OuterRef("found__id"),
    )
    found = FilteredRelation("deliveries", condition=Q(deliveries__state=state))
    return events.alias(found=found).filter(
        ~Exists(replays),
        ~Exists(deliveries.filter(id__lt=OuterRef("found__id"))),
        found__webhook__organization=organization,
    )
