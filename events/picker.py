"""What the event picker shows: an organisation's event types to choose from."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from events.event_groups import EventGroup, grouped
from events.event_types import KnownEventType
from events.family_types import visible_types
from events.links import catalogue_path
from organizations.models import Organization
from organizations.templatetags.icons import icon

UNKNOWN: Final = "No longer in the catalogue"

_GROUP: Final = (
    '<section class="group" role="group" aria-labelledby="picker-group-{n}"{mark}>'
    '<header><label id="picker-group-{n}"><input type="checkbox" autocomplete="off" data-all>'
    '<span>{name}</span></label><span class="count">{selected} of {total} selected</span>'
    "</header>{choices}</section>"
)
_CHOICE: Final = (
    '<div class="choice"><label><input type="checkbox" name="event_names" value="{0}"{1}><span>'
    '<span class="name">{0}</span><span class="reason">{2}</span>{3}</span></label>{4}</div>'
)
_SCHEMA_LINK: Final = (
    '<a class="button" data-kind="quiet" data-icon href="{}" target="_blank"'
    ' data-sheet="picker-schema" aria-label="Schema of {}" title="Schema">{}</a>'
)
_INACTIVE: Final = mark_safe('<span class="sub">Inactive, so it can not be selected</span>')
_THEIRS: Final = (
    '<span class="sub">Of {}: comes when events of child organizations are received</span>'
)
_SILENT: Final = mark_safe(
    '<span class="sub">Inactive: none arrive until it is active again</span>'
)
_CHECKED: Final = mark_safe(" checked")
_DISABLED: Final = mark_safe(" disabled")
_UNKNOWN_MARK: Final = mark_safe(" data-unknown")

Row = tuple[str, str, str, str, str]  # name, attribute of the box, description, note, link


@dataclass(frozen=True, slots=True)
class Picker:
    """`selected` are the names that are checked, in the order of the list."""

    groups: list[EventGroup]
    selected: list[str]
    unknown: list[str]

    @property
    def total(self) -> int:
        return sum(len(group.types) for group in self.groups)

    @property
    def selected_groups(self) -> list[tuple[str, list[str], int]]:
        """(group, names of it that are selected, how many it has), without those that have none."""
        chosen = set(self.selected)
        shown = [
            (group.name, [known.name for known in group.types if known.name in chosen])
            for group in self.groups
        ]
        sizes = {group.name: len(group.types) for group in self.groups}
        groups = [(name, names, sizes[name]) for name, names in shown if names]
        return groups + ([(UNKNOWN, self.unknown, len(self.unknown))] if self.unknown else [])

    @property
    def markup(self) -> SafeString:
        """The groups with their check boxes: too many for a template's loop to be quick."""
        chosen, arrow = set(self.selected), icon("right")
        groups = [
            _group(number, group.name, [_choice(known, chosen, arrow) for known in group.types])
            for number, group in enumerate(self.groups, start=1)
        ]
        if self.unknown:
            rows: list[Row] = [(name, _CHECKED, "", "", "") for name in self.unknown]
            groups.insert(0, _group(0, UNKNOWN, rows))
        return format_html_join("", "{}", ((group,) for group in groups))


def picker(organization: Organization, selected: Collection[str]) -> Picker:
    """All types that the organisation knows, and its children's; those in `selected` are checked.

    A name in `selected` that is not known any more stands on top, so that it is not lost unseen.
    """
    types = visible_types(organization)
    groups, chosen = grouped(types.values()), set(selected)
    known = [member.name for group in groups for member in group.types if member.name in chosen]
    unknown = [name for name in dict.fromkeys(selected) if name not in types]
    return Picker(groups, unknown + known, unknown)


def _group(number: int, name: str, rows: list[Row]) -> SafeString:
    return format_html(
        _GROUP,
        n=number,
        mark=_UNKNOWN_MARK if number == 0 else "",
        name=name,
        selected=sum(row[1] == _CHECKED for row in rows) or "none",
        total=len(rows),
        choices=format_html_join("", _CHOICE, rows),
    )


def _choice(known: KnownEventType, chosen: Collection[str], arrow: SafeString) -> Row:
    is_chosen = known.name in chosen
    if known.active:
        attribute, note = _CHECKED if is_chosen else "", ""
    else:
        attribute, note = (_CHECKED, _SILENT) if is_chosen else (_DISABLED, _INACTIVE)
    if known.owners:
        note = format_html(_THEIRS, known.whose)
    link = format_html(_SCHEMA_LINK, catalogue_path(known.name), known.name, arrow)
    return known.name, attribute, known.description, note, link
