"""The rows of the catalogue's table: which types are shown, and their markup."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from events.event_groups import WITHOUT_GROUP, grouped
from events.event_types import EventTypes, KnownEventType
from events.links import catalogue_path
from organizations.badges import badge
from organizations.queries import query_of
from organizations.templatetags.display import number

KINDS: Final = {"": "All", "standard": "Built in", "custom": "Custom"}

_GROUP: Final = (
    '<tbody><tr class="grouprow"><th scope="rowgroup" colspan="4">{}'
    ' <span class="count">{}</span></th></tr>{}</tbody>'
)
_ROW: Final = (
    '<tr{}><td data-head><span class="twoline"><a class="row" href="{}" data-sheet="schema">{}</a>'
    '<span class="sub">{}</span></span></td><td class="number" data-spare>{}</td>'
    '<td class="number" data-label="30 days">{}</td><td data-corner class="number">{}</td></tr>'
)
_SWITCH: Final = (
    '<button class="switch" id="{}" role="switch" aria-checked="{}" aria-label="{} active"'
    ' name="active" value="{}" formaction="{}/active" hx-post="{}/active"><i></i></button>'
)
_NONE: Final = format_html('<span class="none">{}</span>', "0")
_UNTOLD: Final = format_html('<span class="none">{}</span>', "—")  # it is the child's business
_CURRENT: Final = format_html(' aria-current="{}"', "true")


@dataclass(frozen=True, slots=True)
class CatalogueFilter:
    """What was asked for: words, a group and a kind; "" means any."""

    words: str = ""
    group: str = ""
    kind: str = ""

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "CatalogueFilter":
        kind = query.get("kind", "")
        words = query.get("q", "").replace("\0", "")[:200].strip()
        return cls(words, query.get("group", ""), kind if kind in KINDS else "")

    def chosen(self, types: EventTypes, kind: str | None = None) -> list[KnownEventType]:
        """The types that fit; `kind` stands in for the filter's own if it is not None."""
        wanted = self.kind if kind is None else kind
        words = self.words.lower().split()
        return [
            known
            for known in types.values()
            if (not wanted or known.is_custom is (wanted == "custom"))
            and self.group in {"", known.group or WITHOUT_GROUP}
            and all(word in _searched(known) for word in words)
        ]

    def query(self, **changed: str) -> str:
        """As a query string that begins with "?", empty if nothing is asked for."""
        asked = {"q": self.words, "group": self.group, "kind": self.kind} | changed
        text = query_of(asked)
        return f"?{text}" if text else ""


@dataclass(frozen=True, slots=True)
class Figures:
    """By name of the type: live webhooks subscribed, and events of the last 30 days."""

    webhooks: Mapping[str, int]
    times: Mapping[str, int]


def group_names(types: EventTypes) -> list[str]:
    return [group.name for group in grouped(types.values())]


@dataclass(frozen=True, slots=True)
class Listing:
    """`types` as a table. `current` is the one whose schema is shown; `query` stays behind the
    links."""

    types: list[KnownEventType]
    figures: Figures
    current: str
    query: str
    may_write: bool

    @property
    def markup(self) -> SafeString:
        """The table's bodies, one for each group; too many rows for a template's loop."""
        numbers = {known.name: position for position, known in enumerate(self.types, start=1)}
        return format_html_join(
            "",
            _GROUP,
            (
                (
                    group.name,
                    len(group.types),
                    format_html_join(
                        "", _ROW, (self._row(known, numbers[known.name]) for known in group.types)
                    ),
                )
                for group in grouped(self.types)
            ),
        )

    def _row(self, known: KnownEventType, position: int) -> tuple[str, ...]:
        return (
            _CURRENT if known.name == self.current else "",
            f"{catalogue_path(known.name)}{self.query}#schema",
            known.name,
            f"Of {known.whose}. {known.description}" if known.owners else known.description,
            _figure(self.figures.webhooks.get(known.name, 0)),
            _UNTOLD if known.owners else _figure(self.figures.times.get(known.name, 0)),
            switch(known, f"switch-{position}")
            if self.may_write and not known.owners
            else state(known),
        )


def _figure(count: int) -> str:
    return number(count) if count else _NONE


def switch(known: KnownEventType, element_id: str) -> SafeString:
    """A button that sends what the type shall be, with a script or without."""
    path = catalogue_path(known.name)
    now, then = ("true", "false") if known.active else ("false", "true")
    return format_html(_SWITCH, element_id, now, known.name, then, path, path)


def state(known: KnownEventType) -> SafeString:
    """For whoever may only look."""
    return badge("ok", "check", "Active") if known.active else badge("off", "off", "Inactive")


def _searched(known: KnownEventType) -> str:
    return f"{known.name}\n{known.description}\n{known.group}".lower()
