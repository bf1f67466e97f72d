"""What a drain needs to know of a webhook, prepared once per revision and kept fresh.

While any drain of the process works on a webhook its target is looked up four times a second, so
that a lower limit, another URL, a deactivation or a deletion is obeyed by the next request.
"""

import datetime as dt
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.db.models.functions import Now

from delivery.engine.circuit import HealthState
from delivery.engine.clock import Reading, database_now
from delivery.engine.health import COLUMNS
from delivery.engine.retry import Rules
from delivery.enrichment.settings import COLUMNS as ENRICHMENT_COLUMNS
from delivery.enrichment.settings import Settings
from delivery.transport import queue_message, request
from delivery.transport.door import AnyDestination
from organizations.encryption import Undecipherable, legible
from webhooks import queue_password
from webhooks.models import Header, SigningSecret, Webhook, WebhookType

log = structlog.get_logger(__name__)

FRESH_S = 0.25  # those in use are looked up so often
STALE_S = 2 * FRESH_S


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook as the engine sees it. `destination` is None while nothing can be sent.

    `enrichment` is None when nothing is added to its payloads.
    """

    webhook_id: int
    revision: int
    limit: int
    rules: Rules
    enrichment: Settings | None
    destination: AnyDestination | None
    destination_until: dt.datetime | None
    health: HealthState
    reading: Reading


class Targets:
    """The process's prepared webhooks. `ask` runs a function where the database may be used."""

    def __init__(self, ask: Callable[[Callable[[], Any]], Any]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._known: dict[int, Target] = {}

    def get(self, webhook_id: int) -> Target | None:
        """The webhook as it was at most STALE_S ago; None when it is not to be delivered to."""
        known = self.known(webhook_id)
        if known is not None and known.reading.age_s() < STALE_S:
            return known
        self.refresh([webhook_id])
        return self.known(webhook_id)

    def known(self, webhook_id: int) -> Target | None:
        with self._lock:
            return self._known.get(webhook_id)

    def refresh(self, webhook_ids: Collection[int]) -> None:
        """Look these webhooks up; one that may not be delivered to is forgotten."""
        with self._lock:
            known = {key: self._known.get(key) for key in webhook_ids}
        found = self._ask(lambda: _load(known))
        with self._lock:
            for webhook_id in webhook_ids:
                if webhook_id in found:
                    self._known[webhook_id] = found[webhook_id]
                else:
                    self._known.pop(webhook_id, None)

    def forget_all_but(self, webhook_ids: Collection[int]) -> None:
        """Keep memory to what is in use, and to a thousand that were used before."""
        with self._lock:
            idle = [key for key in self._known if key not in webhook_ids]
            for key in idle[: max(len(idle) - 1_000, 0)]:
                del self._known[key]


_FIELDS = (
    *("id", "revision", "url", "webhook_type", "method", "max_connections", "timeout_s"),
    *("replay_on_429", "url_secret"),
)


def _load(known: dict[int, Target | None]) -> dict[int, Target]:
    reading = Reading.at(database_now())
    health_columns = [f"health__{column}" for column in COLUMNS]
    rows = (
        Webhook.objects.deliverable()
        .filter(id__in=list(known))
        .values(*_FIELDS, *ENRICHMENT_COLUMNS, *health_columns)
    )
    targets = {}
    for row in rows:
        health = HealthState(
            **{
                column: value
                for column in COLUMNS
                if (value := row[f"health__{column}"]) is not None
            }
        )
        before = known[row["id"]]
        if before is None or not _is_current(before, row["revision"], reading):
            destination, until = _prepare(row)
        else:
            destination, until = before.destination, before.destination_until
        targets[row["id"]] = Target(
            webhook_id=row["id"],
            revision=row["revision"],
            limit=row["max_connections"],
            rules=Rules(replay_on_429=row["replay_on_429"]),
            enrichment=Settings.of_columns(row) or None,
            destination=destination,
            destination_until=until,
            health=health,
            reading=reading,
        )
    return targets


def _is_current(target: Target, revision: int, reading: Reading) -> bool:
    until = target.destination_until
    return target.revision == revision and (until is None or reading.moment < until)


def destination_of(webhook_id: int) -> AnyDestination | None:
    """As the engine would prepare it now, whatever the webhook's state; None as there."""
    return _prepare(Webhook.objects.values(*_FIELDS).get(id=webhook_id))[0]


def _prepare(row: dict[str, Any]) -> tuple[AnyDestination | None, dt.datetime | None]:
    """The destination, and until when its secrets sign; None for one that can not be sent to."""
    secrets = SigningSecret.objects.filter(webhook_id=row["id"]).filter(
        Q(expires_at=None) | Q(expires_at__gt=Now())
    )
    try:
        rows = list(secrets.order_by("-id"))
        headers = list(Header.objects.filter(webhook_id=row["id"]).order_by("position"))
        constant: dict[str, Any] = {
            "headers": [(header.name, legible(header.value)) for header in headers],
            "secrets": [legible(secret.secret) for secret in rows],
            "timeout_s": float(row["timeout_s"]),
            "user_agent": settings.USER_AGENT,
        }
        destination: AnyDestination
        if row["webhook_type"] == WebhookType.QUEUE:
            url = queue_password.joined(row["url"], legible(row["url_secret"]))
            destination = queue_message.prepare(url=url, **constant)
        else:
            destination = request.prepare(url=row["url"], method=row["method"], **constant)
    except (Undecipherable, ValidationError, ValueError) as error:
        # Its deliveries wait: with the key back, or the webhook corrected, they go out.
        log.error("webhook_not_sendable", webhook=row["id"], error=type(error).__name__)
        return None, None
    return destination, min((s.expires_at for s in rows if s.expires_at), default=None)
