"""An event type as the API answers it: as it is, or as a version of it was."""

from dataclasses import dataclass
from typing import Any

from events.catalogue import CATALOGUE
from events.custom_types import custom_type, version_of
from events.event_types import (
    KnownEventType,
    known_event_types,
    sample_of,
    sample_or_made,
    schema_of,
)
from events.models import Validation
from events.serializers import EventTypeDetailSerializer
from organizations.models import Organization


@dataclass(frozen=True, slots=True)
class Detail:
    event_type: KnownEventType
    schema: dict[str, Any]
    sample: Any
    version: int | None

    @property
    def data(self) -> dict[str, Any]:
        context = {"schema": self.schema, "sample": self.sample, "version": self.version}
        return dict(EventTypeDetailSerializer(self.event_type, context=context).data)


def detail_of(organization: Organization, name: str) -> Detail:
    """Raises KeyError for a name that the organisation does not know."""
    if name not in CATALOGUE:
        stored = custom_type(organization, name)
        if stored.is_deleted:
            raise KeyError(name)
        return detail_of_version(organization, name, stored.version)
    known = known_event_types(organization)[name]
    return Detail(known, schema_of(organization, name), sample_of(organization, name), None)


def detail_of_version(organization: Organization, name: str, number: int) -> Detail:
    """Of a custom type, also of a deleted one, which is not active. Raises KeyError."""
    stored = custom_type(organization, name)
    version = version_of(stored, number)
    known = KnownEventType(
        name=stored.name,
        group=stored.group,
        description=stored.description,
        active=stored.active and not stored.is_deleted,
        validation=Validation(stored.validation),
        is_custom=True,
    )
    sample = sample_or_made(version.schema, version.sample)
    return Detail(known, version.schema or {}, sample, number)
