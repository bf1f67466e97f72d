"""What another has changed in a custom event type while somebody edited it, for the form."""

from dataclasses import dataclass
from typing import Any, Final

from events.custom_types import CONTENT
from events.forms import CustomTypeForm
from events.models import EventType
from events.version_differences import Line, json_differences
from organizations.differences import Difference, differences
from organizations.models import AuditEntry

_PLAIN: Final = ("group", "description", "validation")
_LABELS: Final = {"schema": "JSON Schema", "sample": "Example"}


@dataclass(frozen=True, slots=True)
class TypeChanges:
    """`who` changed it last; the rest leads from what is stored now to what was typed."""

    who: str
    fields: list[Difference]
    texts: list[tuple[str, list[Line] | None]]


def changes_since(now: EventType, form: CustomTypeForm) -> TypeChanges:
    typed = form.values
    before = {name: _shown(now, name) for name in _PLAIN}
    after = {name: _shown(form.event_type, name) for name in _PLAIN}
    changed = [name for name in _PLAIN if before[name] != after[name]]
    return TypeChanges(
        who=_last_actor(now),
        fields=differences({n: before[n] for n in changed}, {n: after[n] for n in changed}),
        texts=[
            (_LABELS[name], json_differences(getattr(now, name), typed[name]))
            for name in CONTENT
            if getattr(now, name) != typed[name]
        ],
    )


def _shown(event_type: EventType, name: str) -> Any:
    display = getattr(event_type, f"get_{name}_display", None)
    return display() if display else getattr(event_type, name)


def _last_actor(event_type: EventType) -> str:
    entries = AuditEntry.objects.filter(
        organization=event_type.organization,
        object_type=EventType._meta.verbose_name,
        object_id=str(event_type.pk),
    )
    last = entries.order_by("-id").first()
    return str(last.actor.get("name") or last.actor.get("code")) if last else "Somebody"
