"""The events of an organisation by what became of them."""

from django.db.models import Exists, OuterRef, QuerySet

from delivery.log import newest
from delivery.models import Delivery, State
from events.models import Event
from organizations.models import Organization


def events_with_state(organization: Organization, state: State) -> QuerySet[Event]:
    """Its events that have a delivery in that state, to be ordered by -ingested_at, -id.

    Of the deliveries to one webhook the newest counts, and only those to its own webhooks: a
    parent's are not its business.
    """
    own = Delivery.objects.for_organization(organization)
    deliveries = newest(own.filter(event=OuterRef("pk"), state=state))
    return Event.objects.filter(Exists(deliveries), organization=organization)
