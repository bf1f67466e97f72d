"""Event types as they are shown: group by group."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from events.catalogue import CATALOGUE
from events.event_types import KnownEventType

WITHOUT_GROUP: Final = "Custom"

_POSITIONS: Final = {name: position for position, name in enumerate(CATALOGUE)}


@dataclass(frozen=True, slots=True)
class EventGroup:
    name: str
    types: list[KnownEventType]


def grouped(types: Iterable[KnownEventType]) -> list[EventGroup]:
    """The catalogue's groups in its order, each with its custom types last; then custom groups by
    name."""
    groups: dict[str, list[KnownEventType]] = {}
    for event_type in sorted(types, key=_place):
        groups.setdefault(event_type.group or WITHOUT_GROUP, []).append(event_type)
    return [EventGroup(name, members) for name, members in groups.items()]


def _place(event_type: KnownEventType) -> tuple[int, str, str]:
    position = _POSITIONS.get(event_type.name, len(_POSITIONS))
    return position, event_type.group or WITHOUT_GROUP, event_type.name
