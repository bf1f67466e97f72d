"""The event types that an organisation knows: the catalogue's and its own.

A child organisation has its own custom types and switches; those of its parent do not apply.
What a parent may know of its children's is told by events.family_types.
"""

import collections
import functools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from events import json_schema
from events.catalogue import CATALOGUE, standard_sample, standard_schema, standard_validator
from events.models import EventType, Validation
from events.sample_payloads import CannotSample, sample_payload
from organizations.models import Organization

REMEMBERED_S = 2.0
REMEMBERED_AT_MOST = 1_000  # organisations

OWNERS_SHOWN = 3
SETTINGS = ("name", "group", "description", "active", "validation")


@dataclass(frozen=True, slots=True)
class KnownEventType:
    """A standard type with the organisation's settings, or a custom one of it.

    `owners` are the names of the child organisations that one of theirs belongs to.
    """

    name: str
    group: str
    description: str
    active: bool
    validation: Validation
    is_custom: bool
    owners: tuple[str, ...] = ()

    @property
    def is_own_custom(self) -> bool:
        return self.is_custom and not self.owners

    @property
    def whose(self) -> str:
        """The children that it belongs to, in words; empty for the organisation's own."""
        if len(self.owners) <= OWNERS_SHOWN:
            return ", ".join(self.owners)
        shown = ", ".join(self.owners[:OWNERS_SHOWN])
        return f"{shown} and {len(self.owners) - OWNERS_SHOWN:,} more"


EventTypes = Mapping[str, KnownEventType]


@dataclass(frozen=True, slots=True)
class Remembered:
    until_s: float
    types: EventTypes
    validators: dict[str, json_schema.CompiledSchema | json_schema.SchemaError] = field(
        default_factory=dict
    )


class RememberedEventTypes:
    """What was read of each organisation within the last two seconds; safe between threads.

    Ingest asks on every request. A change is seen by other processes when the two seconds are
    over, by its own at once if it calls `forget`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._organizations: collections.OrderedDict[int, Remembered] = collections.OrderedDict()

    def of(self, organization: Organization) -> Remembered:
        known = self._organizations.get(organization.pk)
        if known is not None and self._clock() < known.until_s:
            return known
        # Dated before the query, so that it never lives longer than what it tells.
        until_s = self._clock() + REMEMBERED_S
        known = Remembered(until_s, _read(organization))
        with self._lock:
            self._organizations[organization.pk] = known
            self._organizations.move_to_end(organization.pk)
            while len(self._organizations) > REMEMBERED_AT_MOST:
                self._organizations.popitem(last=False)
        return known

    def forget(self, organization: Organization) -> None:
        with self._lock:
            self._organizations.pop(organization.pk, None)

    def clear(self) -> None:
        with self._lock:
            self._organizations.clear()


remembered = RememberedEventTypes()


def known_event_types(organization: Organization) -> EventTypes:
    """By name, in no order that means something. At most two seconds old."""
    return remembered.of(organization).types


def schema_of(organization: Organization, name: str) -> dict[str, Any]:
    """The JSON Schema of the whole event, standing alone; the caller's own copy.

    Raises KeyError for a name that neither the organisation nor a child of it knows.
    """
    if name in CATALOGUE:
        return standard_schema(name)
    schema: dict[str, Any] | None = _custom(organization, name).schema
    return {} if schema is None else schema


def sample_of(organization: Organization, name: str) -> Any:
    """An example of the whole event; made from the schema where a custom type has none, None if
    that can not be done.

    Raises KeyError for a name that neither the organisation nor a child of it knows.
    """
    if name in CATALOGUE:
        return standard_sample(name)
    row = _custom(organization, name)
    return sample_or_made(row.schema, row.sample)


def sample_or_made(schema: Mapping[str, Any] | None, sample: Any) -> Any:
    """The sample, or one made from the schema where there is none; None if that can not be done."""
    if sample is not None or schema is None:
        return sample
    try:
        made = sample_payload(schema)
    except (CannotSample, json_schema.SchemaError):
        return None
    return made if isinstance(made, dict) and isinstance(made.get("data"), dict) else None


def validator_of(organization: Organization, name: str) -> json_schema.CompiledSchema:
    """What `schema_of` says, compiled, and remembered as long as the types themselves.

    Raises KeyError for an unknown name, SchemaError for a stored schema that is not usable.
    """
    if name in CATALOGUE:
        return standard_validator(name)
    validators = remembered.of(organization).validators
    if name not in validators:
        validators[name] = _compiled(schema_of(organization, name))
    found = validators[name]
    if isinstance(found, json_schema.SchemaError):
        raise json_schema.SchemaError(str(found))
    return found


def _compiled(schema: dict[str, Any]) -> json_schema.CompiledSchema | json_schema.SchemaError:
    """Finding out that a schema is not usable takes as long as compiling one."""
    try:
        return json_schema.compiled(schema)
    except json_schema.SchemaError as error:
        return error


@functools.cache
def _standard_types() -> EventTypes:
    """For all the organisations that changed nothing, which are most."""
    return MappingProxyType(
        {
            entry.name: KnownEventType(
                entry.name, entry.group, entry.description, True, Validation.WARN, False
            )
            for entry in CATALOGUE.values()
        }
    )


def _read(organization: Organization) -> EventTypes:
    standard = _standard_types()
    rows = EventType.objects.live().filter(organization=organization).only(*SETTINGS)
    changed = {row.name: _known(row, standard.get(row.name)) for row in rows}
    return MappingProxyType({**standard, **changed}) if changed else standard


def _known(row: EventType, standard: KnownEventType | None) -> KnownEventType:
    """Of a standard type an organisation sets no more than whether and how it is checked."""
    return KnownEventType(
        row.name,
        row.group if standard is None else standard.group,
        row.description if standard is None else standard.description,
        row.active,
        Validation(row.validation),
        is_custom=standard is None,
    )


def _custom(organization: Organization, name: str) -> EventType:
    """Its own, else that of the oldest of its children that has one."""
    live = EventType.objects.live().filter(name=name)
    theirs = live.filter(organization__parent=organization).order_by("organization_id")
    row = live.filter(organization=organization).first() or theirs.first()
    if row is None:
        raise KeyError(name)
    return row
