"""Alerts in the transactions that change a webhook's state: each once, whoever sees it."""

import datetime as dt
import re
import socket
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as StandardWebhook

from delivery.alerts import operational
from delivery.engine import health, trouble
from delivery.engine.claim import claim
from delivery.engine.record import Outcome, write
from delivery.engine.retention import clean_up
from delivery.engine.retry import Decision
from delivery.engine.sweep import Sweep, mark_sla_breaches
from delivery.models import Alert, AlertKind, Delivery, Health, OperationalWebhook, State
from delivery.transport.result import ErrorClass
from ens_project.environment import Environment
from tests.delivery.engine.conftest import EngineHouse, at_once, let_pass, until
from tests.delivery.engine.test_outcomes import FAILURE, SUCCESS, outcome, retry_in
from tests.factories import DeliveryFactory, MembershipFactory, WebhookFactory
from tests.receiver import Receiver
from webhooks.models import SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

FAILING, RECOVERED = AlertKind.FAILING, AlertKind.RECOVERED
SECONDS = dt.timedelta(seconds=2)
LATE, DEACTIVATED = AlertKind.SLA_BREACHED, AlertKind.DEACTIVATED


def batch(
    webhook: Webhook, count: int, decision: Decision = SUCCESS, status: int | None = 200, **kw: Any
) -> list[Outcome]:
    """Outcomes of so many new deliveries, to be written."""
    event = kw.pop("event", {})
    for _ in range(count):
        DeliveryFactory(webhook=webhook, **{f"event__{key}": event[key] for key in event})
    let_pass(seconds=1)
    rows = [row for _ in range(2) for row in claim(webhook.pk, count)]
    assert len(rows) == count
    return [outcome(row, decision, status, **kw) for row in rows]


def fail(webhook: Webhook, count: int, status: int | None = 503, **kw: Any) -> None:
    write(batch(webhook, count, retry_in(3_600), status, **kw))


def succeed(webhook: Webhook, count: int = 1) -> None:
    write(batch(webhook, count))


def told(webhook: Webhook) -> list[str]:
    return [alert.kind for alert in Alert.objects.filter(webhook=webhook).order_by("id")]


def age_health(**time_passed: float) -> None:
    delta = dt.timedelta(**time_passed)
    names = ("late_at", "failing_since", "last_success_at", "recovered_told_at", "sla_told_at")
    Health.objects.update(**{name: F(name) - delta for name in names})


@pytest.fixture
def webhook(db: None) -> Webhook:
    made: Webhook = WebhookFactory()
    return made


def test_fifty_failures_over_batches_are_told_once_with_the_last(webhook: Webhook) -> None:
    fail(webhook, 30)
    fail(webhook, 19, 404)
    assert told(webhook) == []
    fail(webhook, 1, None, error=ErrorClass.REFUSED)
    fail(webhook, 60)
    (alert,) = Alert.objects.all()
    assert (alert.kind, alert.failures) == (FAILING, 50)
    assert alert.reason == "50 attempts in a row failed."
    assert (alert.last_status, alert.last_error) == (None, "refused")
    assert alert.since == Health.objects.get().failing_since
    assert (alert.told_at, alert.published_at, alert.event_id) == (None, None, None)


def test_a_recovery_is_told_once_with_how_many_had_failed(webhook: Webhook) -> None:
    fail(webhook, 52)
    began = Health.objects.get().failing_since
    succeed(webhook)
    succeed(webhook)
    assert told(webhook) == [FAILING, RECOVERED]
    alert = Alert.objects.get(kind=RECOVERED)
    assert (alert.failures, alert.since, alert.last_status) == (52, began, None)


def test_what_fails_less_and_recovers_tells_nothing(webhook: Webhook) -> None:
    for _ in range(3):
        fail(webhook, 30)
        succeed(webhook)
    assert told(webhook) == []


def test_a_steady_webhooks_batch_asks_no_more_than_once_for_its_health(webhook: Webhook) -> None:
    succeed(webhook)
    outcomes = batch(webhook, 3)
    with CaptureQueriesContext(connection) as queries:
        write(outcomes)
    of_health = [q["sql"] for q in queries if "delivery_health" in q["sql"]]
    assert len(of_health) == 1
    assert of_health[0].startswith("SELECT")
    assert not any("delivery_alert" in q["sql"] for q in queries)


@pytest.mark.django_db(transaction=True)
def test_many_workers_that_see_the_same_tell_it_once(webhook: Webhook) -> None:
    fail(webhook, 45)
    outcomes = batch(webhook, 60, retry_in(3_600), 503)
    parts = [outcomes[start : start + 10] for start in range(0, 60, 10)]
    assert not any(isinstance(a, Exception) for a in at_once(6, lambda: write(parts.pop())))
    assert told(webhook) == [FAILING]
    assert Health.objects.get().failed_in_a_row == 105
    successes = batch(webhook, 6)
    at_once(6, lambda: write([successes.pop()]))
    assert told(webhook) == [FAILING, RECOVERED]


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_not_committed_tells_nothing(webhook: Webhook) -> None:
    with transaction.atomic():
        fail(webhook, 60)
        transaction.set_rollback(True)
    assert told(webhook) == []
    assert not Health.objects.exists()


def test_a_410_deactivates_and_is_told_as_that_alone(webhook: Webhook) -> None:
    fail(webhook, 48)
    write(batch(webhook, 3, Decision(State.FAILED, deactivates=True), 410))
    (alert,) = Alert.objects.all()
    assert (alert.kind, alert.reason) == (DEACTIVATED, "The receiver answered 410 Gone.")
    assert (alert.last_status, alert.failures) == (410, 51)
    webhook.refresh_from_db()
    assert webhook.deactivation_reason == alert.reason


@pytest.mark.django_db(transaction=True)
def test_many_410s_at_once_are_told_once(webhook: Webhook) -> None:
    outcomes = batch(webhook, 6, Decision(State.FAILED, deactivates=True), 410)
    at_once(6, lambda: write([outcomes.pop()]))
    assert told(webhook) == [DEACTIVATED]


def test_webhooks_are_deactivated_in_one_order(webhook: Webhook) -> None:
    """So that processes which deactivate the same ones do not wait in a circle."""
    webhooks: list[Webhook] = [webhook, WebhookFactory(), WebhookFactory()]
    gone = Decision(State.FAILED, deactivates=True)
    outcomes = [outcome for each in webhooks for outcome in batch(each, 1, gone, 410)]
    with CaptureQueriesContext(connection) as queries:
        write(outcomes[::-1])
    updates = (q["sql"] for q in queries if q["sql"].startswith('UPDATE "webhooks_webhook"'))
    changed = [int(re.findall(r'"id" = (\d+)', sql)[0]) for sql in updates]
    assert changed == [each.pk for each in webhooks]


def test_what_was_in_flight_when_it_was_deactivated_recovers_nothing(webhook: Webhook) -> None:
    in_flight = batch(webhook, 1)
    gone = batch(webhook, 1, Decision(State.FAILED, deactivates=True), 410)
    write(gone)
    write(in_flight)
    assert told(webhook) == [DEACTIVATED]


def test_activated_again_it_recovers(webhook: Webhook) -> None:
    write(batch(webhook, 1, Decision(State.FAILED, deactivates=True), 410))
    Webhook.objects.update(deactivated_at=None, deactivation_reason="")
    succeed(webhook)
    assert told(webhook) == [DEACTIVATED, RECOVERED]


def test_activated_again_it_is_told_to_fail(webhook: Webhook) -> None:
    write(batch(webhook, 1, Decision(State.FAILED, deactivates=True), 410))
    Webhook.objects.update(deactivated_at=None, deactivation_reason="")
    fail(webhook, 49)
    assert told(webhook) == [DEACTIVATED]
    fail(webhook, 1)
    assert told(webhook) == [DEACTIVATED, FAILING]
    succeed(webhook)
    assert told(webhook) == [DEACTIVATED, FAILING, RECOVERED]


def test_a_deactivation_by_hand_and_what_fails_after_it_tell_nothing(webhook: Webhook) -> None:
    outcomes = batch(webhook, 60, FAILURE, 400)
    webhook.deactivate()
    webhook.save()
    write(outcomes)
    mark_late(webhook)
    assert told(webhook) == []
    assert Health.objects.get().failed_in_a_row == 60


def test_five_days_of_failures_are_told_once(webhook: Webhook) -> None:
    since = timezone.now() - dt.timedelta(days=5, hours=1)
    fail(webhook, 60)
    Health.objects.update(failing_since=since)
    for _ in range(3):
        health.deactivate_those_failing_for(5)
    assert told(webhook) == [FAILING, DEACTIVATED]
    alert = Alert.objects.get(kind=DEACTIVATED)
    assert alert.reason == "Every delivery failed for 5 days."
    assert (alert.since, alert.failures, alert.last_status) == (since, 60, 503)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_deactivate_once(webhook: Webhook) -> None:
    fail(webhook, 1)
    Health.objects.update(failing_since=timezone.now() - dt.timedelta(days=6))
    at_once(4, lambda: health.deactivate_those_failing_for(5))
    assert told(webhook) == [DEACTIVATED]


def test_tests_tell_nothing(webhook: Webhook) -> None:
    is_test = {"is_test": True}
    fail(webhook, 60, event=is_test)
    assert told(webhook) == []
    write(batch(webhook, 1, Decision(State.FAILED, deactivates=True), 410, event=is_test))
    assert Webhook.objects.deliverable().exists()
    mark_late(webhook, event__is_test=True)
    assert told(webhook) == []
    fail(webhook, 50)
    write(batch(webhook, 1, event=is_test))
    assert told(webhook) == [FAILING]


def mark_late(webhook: Webhook, state: State = State.PENDING, **values: Any) -> None:
    now = timezone.now()
    times = {"sla_due_at": now - SECONDS, "next_attempt_at": now + dt.timedelta(hours=1)}
    DeliveryFactory(webhook=webhook, state=state, **times, **values)
    mark_sla_breaches()


def test_the_first_breach_is_told_and_not_those_after_it(webhook: Webhook) -> None:
    mark_late(webhook, State.RETRYING, attempts=2, last_status=503)
    mark_late(webhook)
    age_health(minutes=5)
    mark_late(webhook)
    (alert,) = Alert.objects.all()
    assert (alert.kind, alert.last_status) == (LATE, 503)
    assert alert.reason == "A delivery was not made within the SLA of 30 s."


def test_a_delivery_that_succeeds_late_is_a_breach_too(webhook: Webhook) -> None:
    (done,) = batch(webhook, 1)
    Delivery.objects.update(sla_due_at=done.started_at - dt.timedelta(seconds=5))
    write([done])
    write(batch(webhook, 1))
    assert told(webhook) == [LATE]


def test_what_was_refused_is_not_late(webhook: Webhook) -> None:
    mark_late(webhook, State.FAILED)
    mark_late(webhook, State.BLOCKED)
    assert Delivery.objects.filter(sla_breached_at=None).count() == 0
    assert told(webhook) == []


@pytest.mark.django_db(transaction=True)
def test_breaches_that_many_processes_find_are_told_once(webhook: Webhook) -> None:
    late = batch(webhook, 4)
    Delivery.objects.update(sla_due_at=timezone.now() - SECONDS)
    DeliveryFactory.create_batch(4, webhook=webhook, sla_due_at=timezone.now())
    at_once(8, lambda: write([late.pop()]) if len(late) > 2 else mark_sla_breaches())
    assert told(webhook) == [LATE]


def test_a_late_webhook_recovers_when_it_is_calm_and_delivers(webhook: Webhook) -> None:
    succeed(webhook)
    mark_late(webhook)
    age_health(minutes=16)
    assert health.tell_of_calm() == 0  # no success since
    mark_late(webhook)
    succeed(webhook)
    assert health.tell_of_calm() == 0  # late just now
    age_health(minutes=16)
    assert health.tell_of_calm() == 1
    assert health.tell_of_calm() == 0
    assert told(webhook) == [LATE, RECOVERED]
    assert Health.objects.get().sla_told_at is None


def test_breaches_begin_again_an_hour_after_it_recovered(webhook: Webhook) -> None:
    mark_late(webhook)
    age_health(minutes=16)
    succeed(webhook)
    health.tell_of_calm()
    mark_late(webhook)
    assert told(webhook) == [LATE, RECOVERED]
    age_health(minutes=61)
    mark_late(webhook)
    assert told(webhook) == [LATE, RECOVERED, LATE]


def test_the_sweep_looks_after_all_of_it(webhook: Webhook) -> None:
    asked: list[bool] = []
    DeliveryFactory(webhook=webhook, sla_due_at=timezone.now() - SECONDS)
    assert Sweep("one", lambda _: None, lambda: asked.append(True)).run()
    alert = Alert.objects.get()
    assert (alert.kind, alert.published_at is None) == (LATE, False)
    assert asked == [True]


def test_old_alerts_are_forgotten_with_the_rest(webhook: Webhook) -> None:
    now = timezone.now()
    for days in (31, 29):
        Alert.objects.create(
            webhook=webhook, kind=FAILING, since=now, created_at=now - dt.timedelta(days=days)
        )
    assert clean_up(now) == 1
    assert Alert.objects.get().created_at > now - dt.timedelta(days=30)


def test_an_hour_is_longer_than_it_takes_to_be_calm() -> None:
    assert trouble.QUIET > trouble.CALM


@pytest.mark.django_db(transaction=True)
def test_an_operational_event_is_delivered_signed_like_every_event(
    webhook: Webhook, house: EngineHouse, receiver: Receiver
) -> None:
    target = WebhookFactory(organization=webhook.organization, url=receiver.url())
    OperationalWebhook.objects.create(organization=webhook.organization, webhook=target)
    secret = new_signing_secret()
    SigningSecret.objects.create(webhook=target, secret=secret)
    fail(webhook, 50)
    assert operational.publish() == 1
    let_pass(seconds=1)
    engine = house.new()
    engine.drain(target.pk)
    assert engine.settle(timeout_s=20)
    (request,) = receiver.requests
    body = StandardWebhook(secret).verify(request.body, request.headers)
    assert body["eventName"] == "ens.webhook.failing"
    assert body["data"]["webHookId"] == webhook.public_id


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_never_answers_holds_up_nothing(
    webhook: Webhook, house: EngineHouse, receiver: Receiver, settings: Any
) -> None:
    MembershipFactory(organization=webhook.organization, user__email="alice@x.example")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"smtp://127.0.0.1:{deaf.getsockname()[1]}"
        mail = Environment({"EMAIL_URL": url}).mail("EMAIL_URL", None)
        settings.MAIL = {**(mail or {}), "timeout": 30}
        fail(webhook, 50)
        house.new().start()
        deaf.settimeout(10)
        client, _ = deaf.accept()
        DeliveryFactory(webhook__url=receiver.url())
        receiver.wait_for(1)
        until(lambda: not Delivery.objects.filter(state=State.PENDING).exists())
        assert not Alert.objects.exclude(note="").exists()
        client.close()
        until(lambda: Alert.objects.filter(note="Tried, but the mail server did not answer."))
