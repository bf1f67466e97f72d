"""Where enrichment looks things up: one small interface.

The setting ENRICHMENT_PROVIDER names a class that is made without arguments and whose instances
are Providers; one instance serves all threads of an engine, or of a process's pages. The default is
`delivery.enrichment.database.DatabaseProvider`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Store:
    store_id: int
    code: str
    name: str = ""
    external_id: str = ""
    external_id_1: str = ""
    external_id_2: str = ""


@dataclass(frozen=True, slots=True)
class Till:
    """`store` is None when it is not known which one the till stands in."""

    till_id: int
    code: str
    name: str = ""
    store: Store | None = None


class Identifier(NamedTuple):
    """`source` is a payload's key. In `instore` the account is empty, and the kinds are mobile,
    email, externalId and cardNumber."""

    source: str
    account_id: str
    kind: str
    value: str


class Customer(NamedTuple):
    """`points_balance`: the available points of all programs together; None if not known."""

    identifiers: Sequence[Identifier] = ()
    points_balance: Decimal | None = None


class Award(NamedTuple):
    """An issue (`pointsIssued`) or a redemption of points (`pointsRedeemed`).

    `identifiers` are those of the activity that set it off. References are as the event has them,
    of whatever type, and None where it has none.
    """

    event_id: str
    event_name: str
    customer_id: int | None
    identifiers: Mapping[str, Any]
    redemption_summary_id: Any
    loyalty_event_id: Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch of payloads of one organisation mentions, and of which `sources` it matters.

    Ids are within 64 bits, with a sign.
    """

    till_ids: frozenset[int] = frozenset()
    customer_ids: frozenset[int] = frozenset()
    sources: tuple[str, ...] = ()
    awards: Sequence[Award] = ()

    def __bool__(self) -> bool:
        return bool(self.till_ids or self.customer_ids or self.awards)


@dataclass(frozen=True, slots=True)
class Found:
    """By till id, customer id, and the event id of the award. What is not known is not there."""

    tills: Mapping[int, Till] = field(default_factory=dict)
    customers: Mapping[int, Customer] = field(default_factory=dict)
    awarded_references: Mapping[str, str | int] = field(default_factory=dict)


class Provider(Protocol):
    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        """What is known of all that is wanted; asked once for each batch of payloads.

        Called in several threads. May raise whatever it likes: it is asked once more, and then
        the payloads go out as the producer sent them. So they do when the answer takes longer
        than `lookups.LOOKUP_S`.
        """
        ...


def new_provider(path: str) -> Provider:
    """One of the class with that dotted path. Raises ImproperlyConfigured."""
    try:
        made: Provider = import_string(path)()
    except (ImportError, TypeError) as error:
        raise ImproperlyConfigured(f"ENS_ENRICHMENT_PROVIDER: {error}") from error
    if not callable(getattr(made, "look_up", None)):
        raise ImproperlyConfigured(f"ENS_ENRICHMENT_PROVIDER: {path} has no look_up.")
    return made
