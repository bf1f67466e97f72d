"""An event's payload as one of its webhooks gets it, beside what came in."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from delivery.enrichment.payloads import TOO_LARGE, UNAVAILABLE
from delivery.enrichment.preview import Preview, as_sent
from delivery.enrichment.settings import Settings
from delivery.models import Delivery
from events.models import Event
from webhooks.models import Webhook

MISSED = {
    UNAVAILABLE: "The reference data could not be looked up just now: this is what came in.",
    TOO_LARGE: "So much would have to be added that the payload is sent as it came in.",
}


@dataclass(frozen=True)
class EnrichedPayload:
    """What the webhook would be sent now."""

    event: Event
    webhook: Webhook

    @cached_property
    def preview(self) -> Preview:
        settings = Settings.of(self.webhook)
        return as_sent(self.event.organization, self.event.payload, settings)

    @property
    def label(self) -> str:
        return f"Payload, enriched for {self.webhook.name}, differences marked"

    @property
    def note(self) -> str:
        """What a reader should know of it."""
        if self.preview.missed:
            return MISSED[self.preview.missed]
        if not self.preview.has_changed:
            return (
                "Nothing is added: the reference data knows none of the event's tills and"
                " customers, or the producer sent all of it."
            )
        return (
            "With the reference data of now. Each attempt looks it up anew, so what was sent may"
            " differ."
        )

    @property
    def copied(self) -> str:
        """For the clipboard: laid out if that is all of it."""
        lines = self.preview.enriched_lines
        return self.preview.enriched if lines.is_whole else self.preview.enriched_text

    @property
    def size_bytes(self) -> int:
        return len(self.preview.enriched_text.encode())


def enriching_webhooks(deliveries: Iterable[Delivery]) -> list[Webhook]:
    """Of these deliveries, those webhooks that have something added to their payloads."""
    webhooks = [delivery.webhook for delivery in deliveries]
    return [w for w in webhooks if w.deleted_at is None and Settings.of(w)]


def enriched_payload(
    event: Event, webhooks: list[Webhook], public_id: str
) -> EnrichedPayload | None:
    """For the one of the webhooks with that id; None when there is none."""
    return next((EnrichedPayload(event, w) for w in webhooks if w.public_id == public_id), None)
