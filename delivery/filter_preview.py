"""What a payload filter would have done to the latest events."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from events.models import Event
from organizations.models import Organization
from webhooks.payload_conditions import Verdict
from webhooks.payload_filter import parse

MOST = 20


@dataclass(frozen=True, slots=True)
class Match:
    """An event that is here, and what the filter says of it."""

    event: Event
    verdict: Verdict


def matches(
    organization: Organization,
    filter_value: Any,
    event_names: Collection[str],
    most: int = MOST,
    *,
    with_children: bool = False,
) -> list[Match]:
    """The organisation's last events of these types, the latest first, each with what the filter
    would say: it matches, does not, or can not be evaluated and is delivered all the same.

    `with_children`: also events of its child organisations, for a webhook that listens to them.
    Raises ValidationError for a filter that is not usable.
    """
    chosen = parse(filter_value)
    organizations = [organization.pk]
    if with_children:
        organizations += organization.children.values_list("pk", flat=True)
    events = Event.objects.filter(
        organization__in=organizations, name__in=set(event_names), is_test=False
    ).select_related("organization")
    latest = events.order_by("-ingested_at", "-id")[:most]
    return [Match(event, chosen.match(json.loads(event.payload))) for event in latest]
