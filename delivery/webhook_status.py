"""How a webhook is doing, in an icon, a word and a line of reason: everywhere the same."""

import datetime as dt
from typing import NamedTuple

from django.utils import timezone

from delivery.engine.circuit import FAILURES_TO_OPEN
from delivery.figures import Day
from delivery.models import Health
from webhooks.models import Webhook

# One refusal is one event's; so many, and nothing else for so long, are the receiver's.
REFUSALS_TO_FAIL = 5
REFUSING_FOR = dt.timedelta(minutes=15)


class Status(NamedTuple):
    """`tone` is one of ok, waiting, failing, off; `icon` a sign of static/icons.svg.

    `reason` is a line that says why, empty where there is nothing to say.
    """

    tone: str
    icon: str
    word: str
    reason: str = ""


def status_of(webhook: Webhook, health: Health | None, day: Day) -> Status:
    """The worst that is true of it. `health` is None before its first answer."""
    if not webhook.is_active:
        return _off(webhook, day)
    if health and health.failures >= FAILURES_TO_OPEN:
        return Status(
            "failing", "alert", "Active, failing", f"{health.failures:,} failures in a row"
        )
    if health and is_refusing(health.failing_since, day.failed):
        return Status("failing", "alert", "Active, failing", "Refuses every delivery")
    if day.is_retrying:
        return Status("waiting", "clock", "Active, retrying", _waiting(day))
    if day.sla_breaches > day.failed:
        return Status("waiting", "clock", "Active, slow", _counted(day.sla_breaches, "SLA breach"))
    if health is None and not (day.delivered or day.failed or day.waiting):
        return Status("ok", "check", "Active", "No event yet")
    return Status("ok", "check", "Active")


def is_refusing(failing_since: dt.datetime | None, failed: int) -> bool:
    """Whether it answers, but for a while now with nothing but refusals. `failed`: of a day."""
    return (
        failing_since is not None
        and failing_since <= timezone.now() - REFUSING_FOR
        and failed >= REFUSALS_TO_FAIL
    )


def _off(webhook: Webhook, day: Day) -> Status:
    if webhook.deleted_at is not None:
        return Status("off", "bin", "Deleted")
    if webhook.deactivation_reason:
        return Status("off", "off", "Deactivated", webhook.deactivation_reason)
    held = _counted(day.waiting, "delivery", "deliveries", more=day.has_more_waiting)
    return Status("off", "off", "Inactive", f"{held} held" if day.waiting else "")


def _waiting(day: Day) -> str:
    counted = _counted(day.waiting, "delivery", "deliveries", more=day.has_more_waiting)
    return f"{counted} {'waits' if day.waiting == 1 else 'wait'}"


def _counted(count: int, one: str, many: str = "", *, more: bool = False) -> str:
    """ "1 delivery", "1,204 deliveries", "Over 1,000 deliveries"."""
    noun = one if count == 1 else many or f"{one}es"
    return f"{'Over ' if more else ''}{count:,} {noun}"
