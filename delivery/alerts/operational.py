"""Alerts as events: to the webhook that an organisation chose for them, and to no other.

They have the envelope of all events, and are signed, sent again, logged and shown as those are.
No webhook is subscribed to them, and their names can not be used by others. An event about a
webhook never goes to that webhook itself: a failure to deliver one makes no other.

`ens.webhook.slaBreached`, `ens.webhook.failing`, `ens.webhook.deactivated` and
`ens.webhook.recovered` have the same `data`:

- `webHookId`, `name`, `consumerGroupId`: of the webhook that it is about;
- `webHookUrl`: scheme and host of its URL, nothing else of it;
- `reason`: what happened, a sentence;
- `since`: when the trouble began, in epoch milliseconds;
- `failures`: how many attempts in a row had failed;
- `lastStatus`, `lastError`: how the last of them ended, the response's status (null without a
  response) and the same in words (null where none is known);
- `page`: the address of the webhook's page.
"""

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from delivery.alerts import words
from delivery.engine.clock import database_now
from delivery.models import Alert, AlertKind, Delivery, OperationalWebhook
from events.envelope import Envelope, parse
from events.models import Event, new_row_id
from events.store import Checked, event_of
from organizations.models import Organization
from organizations.times import EPOCH, MILLISECOND
from webhooks.models import Webhook

NAMES = {
    AlertKind.SLA_BREACHED: "ens.webhook.slaBreached",
    AlertKind.FAILING: "ens.webhook.failing",
    AlertKind.DEACTIVATED: "ens.webhook.deactivated",
    AlertKind.RECOVERED: "ens.webhook.recovered",
}
MOST_AT_ONCE = 100
EXAMPLE_REQUEST_ID = "4b6330d3e10bf660783a9ba77248c9f7"


def publish() -> int:
    """Make the events of new alerts. Answers how many alerts were looked after."""
    new = Alert.objects.filter(published_at=None).order_by("id")
    return sum(_publish(alert_id) for alert_id in new.values_list("id", flat=True)[:MOST_AT_ONCE])


@transaction.atomic
def _publish(alert_id: int) -> bool:
    """False when another process does it."""
    rows = Alert.objects.select_for_update(skip_locked=True)
    alert = rows.filter(pk=alert_id, published_at=None).first()
    if alert is None:
        return False
    now = database_now()
    receiver = receiver_of(alert.webhook)
    alert.event = _event(alert, receiver, now) if receiver else None
    alert.published_at = now
    alert.save(update_fields=["event", "published_at"])
    return True


def chosen_by(organization: Organization) -> Webhook | None:
    """The webhook for operational events, which may be inactive; None without one."""
    rows = OperationalWebhook.objects.filter(organization=organization, webhook__deleted_at=None)
    row = rows.select_related("webhook").first()
    return row.webhook if row else None


def receiver_of(webhook: Webhook) -> Webhook | None:
    """Where events about `webhook` go; None where they do not."""
    chosen = chosen_by(webhook.organization)
    if chosen is None or not chosen.is_active or chosen.pk == webhook.pk:
        return None
    return chosen


def _event(alert: Alert, receiver: Webhook, now: dt.datetime) -> Event:
    organization = receiver.organization
    envelope = envelope_of(alert, uuid.uuid4(), uuid.uuid4().hex)
    event = event_of(Checked(new_row_id(), envelope), organization, now=now)
    event.save(force_insert=True)
    Delivery.objects.create(
        id=new_row_id(),
        event=event,
        webhook=receiver,
        created_at=now,
        ingested_at=now,
        next_attempt_at=now,
        expires_at=now + dt.timedelta(hours=settings.DELIVERY_HOURS),
        sla_due_at=now + dt.timedelta(seconds=receiver.sla_s) if receiver.sla_s else None,
    )
    return event


def envelope_of(alert: Alert, event_id: uuid.UUID, request_id: str) -> Envelope:
    webhook = alert.webhook
    body = {
        "eventName": NAMES[AlertKind(alert.kind)],
        "eventId": str(event_id),
        "orgId": webhook.organization_id,
        "refId": f"{webhook.organization_id}_{webhook.public_id}",
        "apiRequestId": request_id,
        "createdAt": _epoch_ms(alert.created_at),
        "data": _data(alert, webhook),
    }
    return parse(body, organization_id=webhook.organization_id, request_id=request_id, now_ms=0)


def _data(alert: Alert, webhook: Webhook) -> dict[str, Any]:
    page = reverse("webhook-detail", args=[webhook.public_id])
    return {
        "webHookId": webhook.public_id,
        "name": webhook.name,
        "consumerGroupId": str(webhook.consumer_group_id),
        "webHookUrl": words.masked_url(webhook.url),
        "reason": alert.reason,
        "since": _epoch_ms(alert.since),
        "failures": alert.failures,
        "lastStatus": alert.last_status,
        "lastError": words.last_error(alert) or None,
        "page": f"{settings.PUBLIC_URL}{page}",
    }


def _epoch_ms(moment: dt.datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def examples() -> list[tuple[str, str]]:
    """Of each operational event its name and a payload."""
    webhook = Webhook(
        organization_id=1800,
        public_id="5e9d7b03c64f3d00085d7f00",
        consumer_group_id=uuid.UUID("8371bfe1-4e27-427c-8d03-a30c85066a1b"),
        name="Shop backend",
        url="https://receiver.example.com/ens",
    )
    begun = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)
    told = {
        AlertKind.SLA_BREACHED: ("A delivery was not made within the SLA of 30 s.", 3, 503),
        AlertKind.FAILING: ("50 attempts in a row failed.", 50, 503),
        AlertKind.DEACTIVATED: ("The receiver answered 410 Gone.", 51, 410),
        AlertKind.RECOVERED: ("A delivery succeeded again.", 50, None),
    }
    shown = []
    for hours, (kind, (reason, failures, status)) in enumerate(told.items()):
        alert = Alert(
            webhook=webhook,
            kind=kind,
            reason=reason,
            since=begun,
            failures=failures,
            last_status=status,
            created_at=begun + dt.timedelta(hours=hours, seconds=30),
        )
        envelope = envelope_of(alert, uuid.UUID(int=hours, version=4), EXAMPLE_REQUEST_ID)
        shown.append((envelope.name, envelope.payload))
    return shown
