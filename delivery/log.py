"""What became of events, as the v3 API shows it: one entry for each event and webhook.

Of an event that was replayed to a webhook the newest delivery is shown. An organisation sees the
entries of its own webhooks, deleted ones too: a parent thus sees events of its children there.
"""

from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from delivery.models import Delivery
from events.models import Event
from organizations.keyset import Order
from organizations.models import CustomerIdentifier, Organization
from webhooks.models import Webhook

MAX_ENTRIES = 10_000  # of one answer that has no pages
MAX_CUSTOMERS = 1_000  # that one identifier may stand for

SHOWN = (
    *("state", "attempts", "next_attempt_at", "first_attempt_at", "finished_at", "ingested_at"),
    *("sla_breached_at", "last_status", "last_error", "last_duration_ms"),
    *("webhook_id", "webhook__consumer_group_id", "event__is_test"),
    *("event__event_id", "event__name", "event__ref_id", "event__request_id"),
    *("event__ingested_at", "filter_error", "webhook__organization", "event__organization__name"),
)

BY_INGESTION = Order("ingested_at")
NEWEST_FIRST = BY_INGESTION.latest_first


class Entries(NamedTuple):
    deliveries: list[Delivery]
    is_cut: bool


def newest(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Those that no later replay to the same webhook stands for."""
    replays = Delivery.objects.filter(
        webhook=OuterRef("webhook"), event=OuterRef("event"), is_replay=True, id__gt=OuterRef("id")
    )
    return deliveries.filter(~Exists(replays))


def of_event(
    organization: Organization, event_id: str, webhook: Webhook | None = None
) -> Delivery | None:
    """The entry of `webhook`, else of the oldest webhook that the event went to; None: no entry.

    An id that a child organisation uses as well means the organisation's own event.
    """
    found = list(_of_events(organization, Q(event_id=event_id)))
    if webhook is not None:
        found = [delivery for delivery in found if delivery.webhook_id == webhook.pk]
    return min(
        found,
        key=lambda entry: (entry.event.organization_id != organization.pk, entry.webhook_id),
        default=None,
    )


def of_request(organization: Organization, request_id: str) -> Entries:
    return _oldest_event_first(_of_events(organization, Q(request_id=request_id)))


def of_reference(organization: Organization, ref_id: str) -> Entries:
    return _oldest_event_first(_of_events(organization, Q(ref_id=ref_id)))


def of_webhook(webhook: Webhook) -> QuerySet[Delivery]:
    """All entries of a webhook, the latest event first; to be narrowed to a period."""
    return _shown(newest(Delivery.objects.filter(webhook=webhook))).order_by(*NEWEST_FIRST)


def events_of_customer(organization: Organization, identifier: str) -> Q:
    """Condition on deliveries: of events with that search key, or of the customers who have it
    as their id or as one of their identifiers in the reference data."""
    family = _family(organization)
    of_customer = Q(event__customer_id__in=_known_as(family, identifier))
    return Q(event__organization__in=family) & (Q(event__search_key=identifier) | of_customer)


def customer_ids(organization: Organization, identifier: str) -> list[str]:
    """`identifier` itself, and the customers who have it among theirs in the reference data."""
    return _known_as(_family(organization), identifier)


def _known_as(family: list[int], identifier: str) -> list[str]:
    customers = CustomerIdentifier.objects.filter(
        value=identifier, customer__organization__in=family
    )
    ids = customers.values_list("customer__customer_id", flat=True).distinct()[:MAX_CUSTOMERS]
    return [identifier, *map(str, ids)]


def events_of_request(organization: Organization, request_id: str) -> Q:
    """Condition on deliveries."""
    return Q(event__organization__in=_family(organization), event__request_id=request_id)


def _of_events(organization: Organization, condition: Q) -> QuerySet[Delivery]:
    events = Event.objects.filter(condition, organization__in=_family(organization))
    own = Delivery.objects.for_organization(organization)
    return _shown(newest(own.filter(event__in=events)))


def _oldest_event_first(deliveries: QuerySet[Delivery]) -> Entries:
    """By event, then by age of the webhook; of too many the latest."""
    latest = list(deliveries.order_by("-event_id", "-webhook_id")[: MAX_ENTRIES + 1])
    return Entries(latest[:MAX_ENTRIES][::-1], is_cut=len(latest) > MAX_ENTRIES)


def _shown(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """With what an entry shows, and without payloads."""
    return deliveries.select_related("event__organization", "webhook").only(*SHOWN)


def _family(organization: Organization) -> list[int]:
    """Ids of the organisations whose events its webhooks can have got."""
    if organization.parent_id:
        return [organization.pk]
    return [organization.pk, *organization.children.values_list("pk", flat=True)]
