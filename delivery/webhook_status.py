"""How a webhook is doing, in an icon, a word and a line of reason: everywhere the same."""

import datetime as dt
from typing import NamedTuple

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from delivery import intervals
from delivery.engine.circuit import FAILURES_TO_OPEN
from delivery.figures import HOURS_OF_DAY, Day, with_failures
from delivery.models import Delivery, Health, State, Tally
from delivery.tally import BREACH
from delivery.waiting import Waiting
from webhooks.models import Webhook

# One refusal is one event's; so many, and nothing else for so long, are the receiver's.
REFUSALS_TO_FAIL = 5
REFUSING_FOR = dt.timedelta(minutes=15)

HEALTHS = {
    "failing": "Failing",
    "retrying": "Retrying",
    "slow": "Slow",
    "healthy": "Healthy",
}


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
    waiting = Waiting(day.waiting, day.has_more_waiting)
    if not webhook.is_active:
        return _off(webhook, waiting)
    if health and health.failures >= FAILURES_TO_OPEN:
        reason = f"{health.failures:,} failures in a row"
        return Status("failing", "alert", "Active, failing", reason)
    if health and _is_refusing(health, day):
        return Status("failing", "alert", "Active, failing", "Refuses every delivery")
    if day.is_retrying:
        return Status("waiting", "clock", "Active, retrying", waiting.verb("waits", "wait"))
    if _is_slow(day):
        breaches = "SLA breach" if day.sla_breaches == 1 else "SLA breaches"
        return Status("waiting", "clock", "Active, slow", f"{day.sla_breaches:,} {breaches}")
    if health is None and not (day.delivered or day.failed or day.waiting):
        return Status("ok", "check", "Active", "No event yet")
    return Status("ok", "check", "Active")


def with_health(webhooks: QuerySet[Webhook], name: str) -> QuerySet[Webhook]:
    """Those of which `status_of` says it: `name` is one of HEALTHS."""
    since = intervals.last_hours(HOURS_OF_DAY, timezone.now())[0]
    failing = Q(health__failures__gte=FAILURES_TO_OPEN) | Q(
        health__failing_since__lte=timezone.now() - REFUSING_FOR,
        failed_last_day__gte=REFUSALS_TO_FAIL,
    )
    breaches = Tally.objects.filter(webhook=OuterRef("pk"), hour__gte=since, what=BREACH)
    counted = breaches.order_by().values("webhook").annotate(count=Sum("count")).values("count")
    retrying = Delivery.objects.filter(webhook=OuterRef("pk"), state=State.RETRYING)
    active = with_failures(webhooks.filter(deactivated_at=None)).annotate(
        breached_last_day=Coalesce(Subquery(counted, output_field=IntegerField()), 0),
        is_failing=_truth(failing),
        is_retrying=Exists(retrying),
    )
    if name == "failing":
        return active.filter(is_failing=True)
    steady = active.filter(is_failing=False)
    if name == "retrying":
        return steady.filter(is_retrying=True)
    steady = steady.filter(is_retrying=False)
    if name == "slow":
        return steady.filter(breached_last_day__gt=F("failed_last_day"))
    return steady.filter(breached_last_day__lte=F("failed_last_day"))


def _is_refusing(health: Health, day: Day) -> bool:
    """Whether it answers, but for a while now with nothing but refusals."""
    return (
        health.failing_since is not None
        and health.failing_since <= timezone.now() - REFUSING_FOR
        and day.failed >= REFUSALS_TO_FAIL
    )


def _is_slow(day: Day) -> bool:
    """A final failure breaches its SLA as well, and is told elsewhere."""
    return day.sla_breaches > day.failed


def _truth(condition: Q) -> Case:
    """False also where there is no health to ask about."""
    return Case(When(condition, then=Value(True)), default=Value(False))


def _off(webhook: Webhook, waiting: Waiting) -> Status:
    if webhook.deleted_at is not None:
        return Status("off", "bin", "Deleted")
    if webhook.deactivation_reason:
        return Status("off", "off", "Deactivated", webhook.deactivation_reason)
    return Status("off", "off", "Inactive", f"{waiting} held" if waiting.count else "")
