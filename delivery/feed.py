"""The events of an organisation by what became of them."""

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet

from delivery.models import UNHAPPY, Delivery, State
from events.models import Event
from organizations.models import Organization
from webhooks.models import Webhook


def events_with_state(organization: Organization, state: State) -> QuerySet[Event]:
    """Its events that have a delivery in that state, each once; to be narrowed as one likes, and
    ordered by (ingested_at, id).

    What went wrong has an index in that order, however long ago it was, and it is read from
    there: a delivery bears its event's `ingested_at`. Other states are common among the latest
    events, or rare altogether.
    """
    same = Delivery.objects.filter(event=OuterRef("pk"), state=state)
    events = Event.objects.filter(organization=organization)
    if state not in UNHAPPY:
        return events.filter(Exists(same))
    receivers = Webhook.objects.filter(
        organization__in=[organization.pk, organization.parent_id or organization.pk]
    )
    found = FilteredRelation(
        "deliveries",
        condition=Q(deliveries__state=state, deliveries__ingested_at=F("ingested_at")),
    )
    return events.alias(found=found).filter(
        ~Exists(same.filter(id__lt=OuterRef("found__id"))),
        found__webhook__in=receivers.order_by().values("pk"),
    )
