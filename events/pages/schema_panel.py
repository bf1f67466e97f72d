"""What the panel beside a list of event types tells of one of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from events.event_types import KnownEventType, sample_of, schema_of
from events.family_types import visible_types
from events.models import Validation
from events.schema_tree import Tree, schema_tree
from organizations.models import Organization

MOST_LINES: Final = 1_000
MOST_SUBSCRIBERS: Final = 10  # that are named


@dataclass(frozen=True, slots=True)
class JsonText:
    """JSON for people; of what is very long only the beginning is shown, copying gives it all."""

    text: str

    @property
    def is_cut(self) -> bool:
        return self.text.count("\n") >= MOST_LINES

    @property
    def shown(self) -> str:
        if not self.is_cut:
            return self.text
        lines = self.text.split("\n")
        return "\n".join([*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES:,} more lines"])


@dataclass(frozen=True, slots=True)
class SchemaPanel:
    """`subscribers` are the first rows (public_id, name, deactivated_at) of `subscriber_count`."""

    event_type: KnownEventType
    tree: Tree
    schema: JsonText
    sample: JsonText | None
    times: int
    subscribers: Sequence[Mapping[str, object]]
    subscriber_count: int

    @property
    def unnamed_count(self) -> int:
        return self.subscriber_count - len(self.subscribers)

    @property
    def validations(self) -> list[tuple[str, str]]:
        """What may be chosen, with its label."""
        return [(choice.value, str(choice.label)) for choice in Validation]

    @property
    def outline(self) -> str:
        return "\n".join(self.tree.fields.outline())


def schema_panel(organization: Organization, name: str, times: Mapping[str, int]) -> SchemaPanel:
    """`times`: how often each type occurred in 30 days.

    Raises KeyError for a name that neither the organisation nor a child of it knows.
    """
    known = visible_types(organization)[name]
    schema, sample = schema_of(organization, name), sample_of(organization, name)
    webhooks = organization.webhooks.filter(deleted_at=None, subscriptions__event_name=name)
    named = webhooks.order_by("name").values("public_id", "name", "deactivated_at")
    return SchemaPanel(
        event_type=known,
        tree=schema_tree(schema),
        schema=_json_text(schema),
        sample=None if sample is None else _json_text(sample),
        times=times.get(name, 0),
        subscribers=list(named[:MOST_SUBSCRIBERS]),
        subscriber_count=webhooks.count(),
    )


def _json_text(value: Any) -> JsonText:
    return JsonText(json.dumps(value, ensure_ascii=False, indent=2))
