"""How often each type of event occurred."""

from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from events.models import Event
from organizations.models import Organization


def counts(organization: Organization, days: int = 30) -> dict[str, int]:
    """The organisation's events of the last `days` days by type; test events are not counted."""
    since = timezone.now() - timedelta(days=days)
    events = Event.objects.filter(organization=organization, ingested_at__gte=since, is_test=False)
    return dict(events.order_by().values_list("name").annotate(Count("pk")))
