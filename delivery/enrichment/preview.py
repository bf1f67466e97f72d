"""A payload as a webhook would get it, beside the original, with what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from delivery.enrichment.differences import ADDED, SAME, Line, differences
from delivery.enrichment.lookups import look_up_for_pages
from delivery.enrichment.members import CARD, INSTORE
from delivery.enrichment.payloads import enrich
from delivery.enrichment.provider import Customer, Found, Identifier, Store, Till, Wanted
from delivery.enrichment.settings import Settings
from events.payload_lines import PayloadLines, payload_lines
from organizations.models import Organization


@dataclass(frozen=True)
class Preview:
    """`missed`: why it is not enriched although it should be, "" if it is (see `payloads`).

    `has_examples` tells that the reference data knows none, or not all, of the tills and
    customers that the payload mentions, and that examples stand in for them.
    """

    original_text: str
    enriched_text: str
    missed: str = ""
    has_examples: bool = False

    @cached_property
    def original_lines(self) -> PayloadLines:
        return payload_lines(self.original_text)

    @cached_property
    def enriched_lines(self) -> PayloadLines:
        return payload_lines(self.enriched_text)

    @property
    def original(self) -> str:
        """Laid out for people; what is very long is cut."""
        return "\n".join(self.original_lines.lines)

    @property
    def enriched(self) -> str:
        """Likewise."""
        return "\n".join(self.enriched_lines.lines)

    @cached_property
    def differences(self) -> list[Line]:
        """The lines of both, in one list."""
        return list(differences(self.original_lines.lines, self.enriched_lines.lines))

    @property
    def changed_lines(self) -> list[int]:
        """The numbers of the lines of `enriched` that are not in `original`, from 1."""
        return [line.number for line in self.differences if line.kind == ADDED and line.number]

    @property
    def has_changed(self) -> bool:
        return any(line.kind != SAME for line in self.differences)


def preview(organization: Organization, payload_text: str, settings: Settings) -> Preview:
    """With examples for tills and customers that nobody knows, so that it shows something."""
    look_up = _WithExamples()
    (result,) = enrich(organization.pk, [payload_text], settings, look_up)
    return Preview(payload_text, result.payload, result.missed, look_up.has_examples)


def as_sent(organization: Organization, payload_text: str, settings: Settings) -> Preview:
    """What is sent, by what is known now: unknown ids are left alone."""
    (result,) = enrich(organization.pk, [payload_text], settings, look_up_for_pages)
    return Preview(payload_text, result.payload, result.missed)


class _WithExamples:
    def __init__(self) -> None:
        self.has_examples = False

    def __call__(self, organization_id: int, wanted: Wanted) -> Found:
        """Raises Unavailable."""
        found = look_up_for_pages(organization_id, wanted)
        unknown_tills = wanted.till_ids - found.tills.keys()
        unknown_customers = wanted.customer_ids - found.customers.keys()
        self.has_examples |= bool(unknown_tills or unknown_customers)
        return Found(
            {**{till_id: _example_till(till_id) for till_id in unknown_tills}, **found.tills},
            {
                **{key: _example_customer(wanted.sources) for key in unknown_customers},
                **found.customers,
            },
            found.awarded_references,
        )


def _example_till(till_id: int) -> Till:
    store = Store(50001, "example.store", "Example store", "ext-50001")
    return Till(till_id, "example.till", "Example till", store)


def _example_customer(sources: Sequence[str]) -> Customer:
    instore = [
        Identifier(INSTORE, "", "mobile", "15550100000"),
        Identifier(INSTORE, "", "email", "customer@example.com"),
        Identifier(INSTORE, "", "externalId", "ext-100001"),
        Identifier(INSTORE, "", CARD, "CARD-0001"),
    ]
    others = [
        Identifier(source, "example-account", "exampleId", "example-id-0001")
        for source in sources
        if source != INSTORE
    ]
    return Customer([*instore, *others], Decimal(1200))
