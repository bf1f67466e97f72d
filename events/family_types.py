"""The custom event types of child organisations, to which a parent's webhook can subscribe too.

The other way round there is nothing: a child does not see its parent's types.
"""

from typing import Final

from events.catalogue import CATALOGUE
from events.event_types import EventTypes, KnownEventType, known_event_types
from events.models import EventType, Validation
from organizations.models import Organization

GROUP: Final = "Child organizations"


def children_types(organization: Organization) -> EventTypes:
    """Their active custom types by name, without those that the organisation has by this name
    itself. `owners` tells whose they are."""
    if not organization.may_have_children:
        return {}
    rows = (
        EventType.objects.live()
        .filter(organization__parent=organization, active=True)
        .exclude(name__in=CATALOGUE)
        .order_by("name", "organization__name", "pk")
        .values_list("name", "description", "validation", "organization__name")
    )
    own = known_event_types(organization)
    found: dict[str, KnownEventType] = {}
    for name, description, validation, owner in rows:
        if name in own:
            continue
        owners = (*found[name].owners, owner) if name in found else (owner,)
        found[name] = KnownEventType(
            name,
            GROUP,
            found[name].description if name in found else description,
            True,
            Validation(validation),
            is_custom=True,
            owners=owners,
        )
    return found


def visible_types(organization: Organization) -> EventTypes:
    """Its own and the catalogue's, and its children's."""
    theirs = children_types(organization)
    own = known_event_types(organization)
    return {**own, **theirs} if theirs else own
