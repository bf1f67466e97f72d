"""Keeps the webhooks' health in the database, for all workers, and notes what people are told.

An alert is written under the lock of the webhook's row of health, in the transaction that changes
its state: once, however many workers see the change.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from delivery.engine import circuit, trouble
from delivery.engine.circuit import HealthState, Verdict
from delivery.engine.clock import database_now
from delivery.engine.trouble import Trouble
from delivery.models import UNDELIVERED, Alert, AlertKind, Delivery, Health, State
from organizations.templatetags.display import duration, number
from webhooks.models import Webhook

COLUMNS = tuple(field.name for field in fields(HealthState))
TROUBLE_COLUMNS = tuple(field.name for field in fields(Trouble))
# A proven webhook's successes are noted this seldom: its row must not be written by every batch.
SUCCESS_NOTED_EVERY_S = 60.0
FAILED_LATELY = dt.timedelta(hours=25)  # a delivery is tried for 24
MOST_AT_ONCE = 100

Known = tuple[HealthState, Trouble]
NOTHING_KNOWN: Known = (HealthState(), Trouble())


@dataclass
class Report:
    """What a batch of outcomes says of one webhook.

    `verdicts` are of all attempts, oldest first, `counted` of those that people are told of: not
    of tests. `last_status` and `last_error` are of the last of these that failed. `is_late`: a
    delivery missed its SLA. `deactivation` is the reason for which the webhook was deactivated in
    this transaction, "" if it was not.
    """

    verdicts: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    last_status: int | None = None
    last_error: str = ""
    is_late: bool = False
    deactivation: str = ""


def record(reports: Mapping[int, Report]) -> set[int]:
    """Carry what webhooks answered (by webhook id) into their rows.

    Answers the webhooks whose row changed. Belongs into the transaction that writes the outcomes.
    """
    rows = Health.objects.filter(webhook_id__in=reports)
    values = rows.values_list("webhook_id", *COLUMNS, *TROUBLE_COLUMNS)
    known = {webhook_id: _known(columns) for webhook_id, *columns in values}
    now = database_now()
    changing = {
        webhook_id
        for webhook_id, report in reports.items()
        if _changes(report, known.get(webhook_id), now)
    }
    # In one order everywhere, so that two workers' transactions do not wait for each other.
    for webhook_id in sorted(changing):
        _carry(webhook_id, reports[webhook_id], now, is_new=webhook_id not in known)
    return changing


def _known(columns: Iterable[object]) -> Known:
    values = list(columns)
    state, troubles = values[: len(COLUMNS)], values[len(COLUMNS) :]
    return HealthState(*state), Trouble(*troubles)  # type: ignore[arg-type]  # as they were asked for


def _changes(report: Report, known: Known | None, now: dt.datetime) -> bool:
    if known is None or report.deactivation or set(report.verdicts) != {Verdict.SUCCESS}:
        return True
    is_news = report.is_late and known[1].may_note_late(now)
    return is_news or not _is_steady(*known, now)


def _carry(webhook_id: int, report: Report, now: dt.datetime, *, is_new: bool) -> None:
    if is_new:
        _make(webhook_id)
    state, before = _locked(webhook_id) or NOTHING_KNOWN
    state_after = circuit.after(state, report.verdicts, now)
    since = state_after.failing_since or state.failing_since or now
    told = _after(webhook_id, report, before, since, now)
    if report.is_late and told.may_note_late(now):
        told = _late(webhook_id, told, now, (report.last_status, report.last_error))
    Health.objects.filter(webhook_id=webhook_id).update(**asdict(state_after), **asdict(told))


def _make(webhook_id: int) -> None:
    try:
        with transaction.atomic():
            Health.objects.create(webhook_id=webhook_id)
    except IntegrityError:
        pass  # another worker made it just now


def _after(
    webhook_id: int, report: Report, before: Trouble, since: dt.datetime, now: dt.datetime
) -> Trouble:
    step = trouble.after(before, report.counted, now)
    failed = step.trouble.failed_in_a_row
    alert = Alert(
        webhook_id=webhook_id,
        since=since,
        failures=failed,
        last_status=report.last_status,
        last_error=report.last_error,
    )
    if report.deactivation:
        alert.reason = report.deactivation
        step = trouble.deactivated(step.trouble, now)
    elif step.told is None:
        return step.trouble
    elif not _is_on(webhook_id):
        return step.untold(before)
    elif step.told is AlertKind.RECOVERED:
        alert.failures, alert.last_status, alert.last_error = before.failed_in_a_row, None, ""
        alert.reason = "A delivery succeeded again."
    else:
        alert.reason = f"{number(failed)} attempts in a row failed."
    assert step.told is not None  # noqa: S101  this tells the type checker
    alert.kind = step.told
    alert.save(force_insert=True)
    return step.trouble


def _is_on(webhook_id: int) -> bool:
    return Webhook.objects.deliverable().filter(pk=webhook_id).exists()


def _is_steady(health: HealthState, known: Trouble, now: dt.datetime) -> bool:
    return (
        health.failures == 0
        and health.open_until is None
        and health.failing_since is None
        and health.last_success_at is not None
        and (now - health.last_success_at).total_seconds() < SUCCESS_NOTED_EVERY_S
        and known.is_clear
    )


def _locked(webhook_id: int) -> Known | None:
    rows = Health.objects.select_for_update().filter(webhook_id=webhook_id)
    found = rows.values_list(*COLUMNS, *TROUBLE_COLUMNS).first()
    return _known(found) if found else None


# --- What the sweep finds ------------------------------------------------------------------


def note_late(webhook_ids: Iterable[int]) -> None:
    """Deliveries to these webhooks missed their SLA. Belongs into the transaction that says so."""
    now = database_now()
    rows = Health.objects.filter(webhook_id__in=webhook_ids)
    lately = rows.filter(late_at__gt=now - trouble.LATE_NOTED_EVERY)
    noted = set(lately.values_list("webhook_id", flat=True))
    for webhook_id in sorted(set(webhook_ids) - noted):
        known = _locked(webhook_id)
        if known is None:
            _make(webhook_id)
            known = _locked(webhook_id) or NOTHING_KNOWN
        after = _late(webhook_id, known[1], now, last_failure(webhook_id))
        Health.objects.filter(webhook_id=webhook_id).update(**asdict(after))


def _late(
    webhook_id: int, before: Trouble, now: dt.datetime, failure: tuple[int | None, str]
) -> Trouble:
    step = trouble.late(before, now)
    if step.told is None:
        return step.trouble
    sla_s = Webhook.objects.deliverable().filter(pk=webhook_id).values_list("sla_s").first()
    if sla_s is None:
        return step.untold(before)
    within = duration(sla_s[0] * 1000).replace(".0 s", " s")
    Alert.objects.create(
        webhook_id=webhook_id,
        kind=step.told,
        reason=f"A delivery was not made within the SLA of {within}.",
        since=now,
        failures=before.failed_in_a_row,
        last_status=failure[0],
        last_error=failure[1],
    )
    return step.trouble


def last_failure(webhook_id: int) -> tuple[int | None, str]:
    """Status and error of a recent attempt that failed; (None, "") if none is known."""
    tried = Delivery.objects.filter(webhook=webhook_id, attempts__gt=0)
    waiting = tried.filter(state=State.RETRYING).order_by("-next_attempt_at", "-id")
    ended = tried.filter(state__in=UNDELIVERED).order_by("-ingested_at", "-id")
    columns = ("last_status", "last_error")
    found = waiting.values_list(*columns).first() or ended.values_list(*columns).first()
    return found or (None, "")


def tell_of_calm() -> int:
    """Tell of webhooks that were late and are no more. Answers how many."""
    late = Health.objects.exclude(sla_told_at=None).filter(
        late_at__lte=database_now() - trouble.CALM,
        last_success_at__gt=F("late_at"),
        webhook__deactivated_at=None,
        webhook__deleted_at=None,
    )
    ids = list(late.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    return sum(_tell_of_calm(webhook_id) for webhook_id in ids)


@transaction.atomic
def _tell_of_calm(webhook_id: int) -> bool:
    state, before = _locked(webhook_id) or NOTHING_KNOWN
    now = database_now()
    step = trouble.calm(before, state.last_success_at, now)
    if step.told is None or before.sla_told_at is None:
        return False
    Alert.objects.create(
        webhook_id=webhook_id,
        kind=step.told,
        reason=f"No delivery was late for {trouble.CALM // dt.timedelta(minutes=1)} min.",
        since=before.sla_told_at,
    )
    Health.objects.filter(pk=webhook_id).update(**asdict(step.trouble))
    return True


def take_probe(webhook_id: int) -> bool:
    """Whether the caller is the one that may send the probe of an open circuit that is over.

    The circuit stays open for the next length meanwhile, so nobody else probes.
    """
    with transaction.atomic():
        before, _ = _locked(webhook_id) or NOTHING_KNOWN
        now = database_now()
        if before.open_until is None or before.open_until > now:
            return False
        # Opened again beforehand: the probe's failure will find it open and change nothing.
        Health.objects.filter(webhook_id=webhook_id).update(**asdict(circuit.opened(before, now)))
        return True


def deactivate(webhook_id: int, reason: str) -> bool:
    """Whether it was active; the first reason stays."""
    active = Webhook.objects.filter(id=webhook_id, deactivated_at=None)
    return bool(
        active.update(deactivated_at=Now(), deactivation_reason=reason, revision=F("revision") + 1)
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
        failing_since=None, failed_in_a_row=0
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
    ids = list(failing.values_list("webhook_id", flat=True)[:MOST_AT_ONCE])
    for webhook_id in ids:
        _give_up(webhook_id, f"Every delivery failed for {days} days.", now)
    return len(ids)


@transaction.atomic
def _give_up(webhook_id: int, reason: str, now: dt.datetime) -> None:
    if not deactivate(webhook_id, reason):
        return
    state, before = _locked(webhook_id) or NOTHING_KNOWN
    status, error = last_failure(webhook_id)
    report = Report(deactivation=reason, last_status=status, last_error=error)
    after = _after(webhook_id, report, before, state.failing_since or now, now)
    Health.objects.filter(webhook_id=webhook_id).update(**asdict(after))
