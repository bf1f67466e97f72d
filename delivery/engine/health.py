"""Keeps the webhooks' health in the database, for all workers."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from delivery.engine import circuit
from delivery.engine.circuit import HealthState, Verdict
from delivery.engine.clock import database_now
from delivery.models import UNDELIVERED, Delivery, Health, State
from webhooks.models import Webhook

COLUMNS = tuple(field.name for field in fields(HealthState))
# A proven webhook's successes are noted this seldom: its row must not be written by every batch.
SUCCESS_NOTED_EVERY_S = 60.0
FAILED_LATELY = dt.timedelta(hours=25)  # a delivery is tried for 24


def record(verdicts: Mapping[int, Sequence[str]]) -> set[int]:
    """Carry what webhooks answered (by webhook id, oldest first) into their rows.

    Answers the webhooks whose row changed. Belongs into the transaction that writes the outcomes.
    """
    rows = Health.objects.filter(webhook_id__in=verdicts).values_list("webhook_id", *COLUMNS)
    known = {webhook_id: HealthState(*columns) for webhook_id, *columns in rows}
    now = database_now()
    changing = {
        webhook_id
        for webhook_id, given in verdicts.items()
        if set(given) != {Verdict.SUCCESS} or not _is_steady(known.get(webhook_id), now)
    }
    # In one order everywhere, so that two workers' transactions do not wait for each other.
    for webhook_id in sorted(changing):
        _carry(webhook_id, verdicts[webhook_id], now, is_new=webhook_id not in known)
    return changing


def _carry(webhook_id: int, verdicts: Sequence[str], now: dt.datetime, *, is_new: bool) -> None:
    if is_new:
        try:
            with transaction.atomic():
                Health.objects.create(webhook_id=webhook_id)
        except IntegrityError:
            pass  # another worker made it just now
    after = circuit.after(_locked(webhook_id) or HealthState(), verdicts, now)
    Health.objects.filter(webhook_id=webhook_id).update(**asdict(after))


def _is_steady(health: HealthState | None, now: dt.datetime) -> bool:
    return (
        health is not None
        and health.failures == 0
        and health.open_until is None
        and health.failing_since is None
        and health.last_success_at is not None
        and (now - health.last_success_at).total_seconds() < SUCCESS_NOTED_EVERY_S
    )


def _locked(webhook_id: int) -> HealthState | None:
    rows = Health.objects.select_for_update().filter(webhook_id=webhook_id)
    found = rows.values_list(*COLUMNS).first()
    return HealthState(*found) if found else None


def take_probe(webhook_id: int) -> bool:
    """Whether the caller is the one that may send the probe of an open circuit that is over.

    The circuit stays open for the next length meanwhile, so nobody else probes.
    """
    with transaction.atomic():
        before = _locked(webhook_id)
        now = database_now()
        if before is None or before.open_until is None or before.open_until > now:
            return False
        # Opened again beforehand: the probe's failure will find it open and change nothing.
        Health.objects.filter(webhook_id=webhook_id).update(**asdict(circuit.opened(before, now)))
        return True


def deactivate(webhook_id: int, reason: str) -> None:
    Webhook.objects.filter(id=webhook_id, deactivated_at=None).update(
        deactivated_at=Now(), deactivation_reason=reason, revision=F("revision") + 1
    )


def deactivate_those_failing_for(days: int) -> int:
    """Deactivate webhooks without one success in `days` days of trying. Answers how many.

    One that failed long ago and had nothing to deliver since is not among them, and for one that
    is activated again the days begin anew.
    """
    now = database_now()
    since = now - dt.timedelta(days=days)
    # While nothing is sent, nothing fails; and what failed before must not count afterwards.
    Health.objects.exclude(failing_since=None).exclude(webhook__deactivated_at=None).update(
        failing_since=None
    )
    failed_lately = Delivery.objects.filter(
        webhook=OuterRef("webhook"),
        event__is_test=False,
        ingested_at__gte=now - FAILED_LATELY,
        state__in=(State.RETRYING, *UNDELIVERED),
        attempts__gt=0,
    )
    failing = Health.objects.filter(
        Q(last_success_at=None) | Q(last_success_at__lt=since),
        Exists(failed_lately),
        failing_since__lte=since,
        webhook__deactivated_at=None,
        webhook__deleted_at=None,
    )
    ids = list(failing.values_list("webhook_id", flat=True)[:100])
    for webhook_id in ids:
        deactivate(webhook_id, f"Every delivery failed for {days} days.")
    return len(ids)
