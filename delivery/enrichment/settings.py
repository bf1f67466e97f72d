"""What a webhook wants added to its payloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from organizations.sources import PAYLOAD_KEYS
from webhooks.models import Webhook

# The columns of a webhook that say so.
COLUMNS = (
    *("enrich_till", "enrich_store", "enrich_customer_sources", "enrich_card_number"),
    *("enrich_awarded_reference", "enrich_points_balance"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """`sources` are keys of a payload, such as `web_engage`. Equal ones enrich alike.

    `card_number` means something together with the source `instore`.
    """

    till: bool = False
    store: bool = False
    sources: tuple[str, ...] = ()
    card_number: bool = False
    awarded_reference: bool = False
    points_balance: bool = False

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        return cls.of_columns({name: getattr(webhook, name) for name in COLUMNS})

    @classmethod
    def of_columns(cls, columns: Mapping[str, Any]) -> Self:
        """Of a row of COLUMNS, whatever else it has. A source that is unknown is left out."""
        chosen = columns["enrich_customer_sources"] or ()
        return cls(
            till=columns["enrich_till"],
            store=columns["enrich_store"],
            sources=tuple(key for name, key in PAYLOAD_KEYS.items() if name in chosen),
            card_number=columns["enrich_card_number"],
            awarded_reference=columns["enrich_awarded_reference"],
            points_balance=columns["enrich_points_balance"],
        )

    def __bool__(self) -> bool:
        """Whether there is anything to add at all."""
        return self != _NOTHING


_NOTHING = Settings()
