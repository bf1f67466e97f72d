import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from delivery.engine import sweep
from delivery.engine.claim import claim
from delivery.engine.clock import Reading, database_now
from delivery.engine.sweep import (
    ClockGuard,
    Sweep,
    cancel_of_deleted_webhooks,
    due_webhooks,
    elect,
    end_lost_leases,
    expire,
    mark_sla_breaches,
)
from delivery.models import FINAL, Delivery, Health, State, SweepLeader
from tests.delivery.engine.conftest import at_once, let_pass
from tests.factories import DeliveryFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def ago(**time_passed: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**time_passed)


def in_flight(**values: Any) -> Delivery:
    """Claimed, by a worker that will not be heard of any more."""
    delivery: Delivery = DeliveryFactory(**values)
    let_pass(seconds=1)
    assert claim(delivery.webhook_id, 1)
    return delivery


def test_the_rows_of_a_lost_worker_are_due_again_when_the_lease_ends() -> None:
    delivery = in_flight()
    let_pass(seconds=74)
    assert end_lost_leases() == 0
    let_pass(seconds=2)
    assert end_lost_leases() == 1
    delivery.refresh_from_db()
    assert delivery.state == State.RETRYING
    assert (delivery.lost_leases, delivery.attempts, delivery.lease_until) == (1, 1, None)
    (row,) = claim(delivery.webhook_id, 1)
    assert (row.attempt, row.token) == (2, 2)


def test_a_row_is_quarantined_that_loses_three_more_workers_after_it_became_suspect() -> None:
    delivery = in_flight()
    for lost in (1, 2, 3):
        let_pass(seconds=76)
        end_lost_leases()
        delivery.refresh_from_db()
        assert (delivery.state, delivery.lost_leases) == (State.RETRYING, lost)
        let_pass(seconds=1)
        (row,) = claim(delivery.webhook_id, 1)
        assert row.is_suspect
    let_pass(seconds=76)
    end_lost_leases()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.lost_leases) == (State.QUARANTINED, 4)
    assert delivery.next_attempt_at is None
    assert delivery.finished_at is not None
    let_pass(seconds=100)
    assert due_webhooks() == []


def test_a_delivery_expires_to_the_second() -> None:
    delivery = DeliveryFactory(expires_at=timezone.now() + dt.timedelta(hours=24))
    let_pass(hours=23, minutes=59, seconds=58)
    assert expire() == 0
    let_pass(seconds=3)
    assert expire() == 1
    delivery.refresh_from_db()
    assert delivery.state == State.EXPIRED
    assert delivery.finished_at == delivery.expires_at
    assert delivery.next_attempt_at is None


def test_an_expired_delivery_tells_whether_it_was_attempted() -> None:
    never = DeliveryFactory(expires_at=ago(seconds=1))
    tried = DeliveryFactory(
        expires_at=ago(seconds=1), state=State.RETRYING, attempts=9, last_error="timeout"
    )
    assert expire() == 2
    never.refresh_from_db()
    tried.refresh_from_db()
    assert (never.attempts, never.last_error) == (0, "")
    assert (tried.attempts, tried.last_error) == (9, "timeout")


def test_what_is_in_flight_does_not_expire_under_its_worker() -> None:
    in_flight()
    Delivery.objects.update(expires_at=ago(seconds=1))
    assert expire() == 0


def test_an_sla_that_passes_without_success_is_marked() -> None:
    due_at = timezone.now() + dt.timedelta(seconds=30)
    waiting = [
        DeliveryFactory(sla_due_at=due_at),
        DeliveryFactory(sla_due_at=due_at, state=State.RETRYING),
        DeliveryFactory(sla_due_at=due_at, state=State.IN_FLIGHT),
        DeliveryFactory(sla_due_at=due_at, state=State.FAILED),
    ]
    DeliveryFactory(sla_due_at=None)
    DeliveryFactory(sla_due_at=due_at, state=State.DELIVERED)
    DeliveryFactory(sla_due_at=due_at, state=State.CANCELLED)
    let_pass(seconds=28)
    assert mark_sla_breaches() == 0
    let_pass(seconds=3)
    assert mark_sla_breaches() == 4
    assert mark_sla_breaches() == 0
    for delivery in waiting:
        delivery.refresh_from_db()
        assert delivery.sla_breached_at == delivery.sla_due_at


def test_deliveries_of_a_deleted_webhook_are_cancelled() -> None:
    webhook = WebhookFactory(deleted_at=timezone.now())
    waiting = DeliveryFactory(webhook=webhook)
    flying = DeliveryFactory(webhook=webhook, state=State.IN_FLIGHT)
    done = DeliveryFactory(webhook=webhook, state=State.DELIVERED)
    other = DeliveryFactory()
    assert cancel_of_deleted_webhooks() == 1
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states[waiting.pk] == State.CANCELLED
    assert states[flying.pk] == State.IN_FLIGHT
    assert states[done.pk] == State.DELIVERED
    assert states[other.pk] == State.PENDING
    waiting.refresh_from_db()
    assert (waiting.next_attempt_at, waiting.finished_at is None) == (None, False)


def test_a_deactivated_webhook_holds_its_deliveries_until_it_is_activated() -> None:
    webhook = WebhookFactory(deactivated_at=timezone.now())
    delivery = DeliveryFactory(webhook=webhook)
    let_pass(hours=20)
    assert due_webhooks() == []
    assert cancel_of_deleted_webhooks() == expire() == 0
    webhook.activate()
    webhook.save()
    assert due_webhooks() == [webhook.pk]
    delivery.refresh_from_db()
    assert delivery.state == State.PENDING


def test_webhooks_are_woken_in_the_order_of_their_oldest_due_row() -> None:
    webhooks = [WebhookFactory() for _ in range(4)]
    for webhook, seconds in zip(webhooks, (10, 30, 20, -5), strict=True):
        DeliveryFactory(webhook=webhook, next_attempt_at=ago(seconds=seconds))
    DeliveryFactory(webhook=webhooks[0], state=State.RETRYING, next_attempt_at=ago(seconds=25))
    assert due_webhooks() == [webhooks[1].pk, webhooks[0].pk, webhooks[2].pk]


def test_who_can_not_be_delivered_to_is_not_woken() -> None:
    open_circuit, ripe, deactivated, deleted = (WebhookFactory() for _ in range(4))
    for webhook in (open_circuit, ripe, deactivated, deleted):
        DeliveryFactory(webhook=webhook, next_attempt_at=ago(seconds=10))
    Health.objects.create(
        webhook=open_circuit, open_until=timezone.now() + dt.timedelta(seconds=60)
    )
    Health.objects.create(webhook=ripe, open_until=ago(seconds=1))
    deactivated.deactivate()
    deactivated.save()
    deleted.delete_softly()
    deleted.save()
    assert due_webhooks() == [ripe.pk]


def test_finding_due_webhooks_takes_one_query(django_assert_num_queries: Any) -> None:
    for _ in range(5):
        DeliveryFactory(next_attempt_at=ago(seconds=1))
    with django_assert_num_queries(1):
        assert len(due_webhooks()) == 5


@pytest.mark.django_db(transaction=True)
def test_one_of_many_leads() -> None:
    names = iter("abcdefgh")
    now = database_now()
    assert sorted(at_once(8, lambda: elect(next(names), now))) == [False] * 7 + [True]


def test_the_lead_passes_on_within_a_second() -> None:
    now = database_now()
    assert elect("a", now)
    assert not elect("b", now)
    assert not elect("a", now + dt.timedelta(seconds=0.5))
    assert elect("b", now + dt.timedelta(seconds=1))
    assert SweepLeader.objects.get().holder == "b"


def test_a_leader_of_a_wrong_clock_does_not_lead_for_ever() -> None:
    now = database_now()
    assert elect("a", now + dt.timedelta(days=400))
    assert elect("b", now)


def woken_by(*sweeps_of: str) -> tuple[list[Sweep], list[int]]:
    woken: list[int] = []
    return [Sweep(name, woken.extend) for name in sweeps_of], woken


def free_the_lead() -> None:
    SweepLeader.objects.update(until=ago(seconds=1))


def test_a_pass_does_all_of_it() -> None:
    ((one,), woken) = woken_by("a")
    due = DeliveryFactory(next_attempt_at=ago(seconds=1), sla_due_at=ago(seconds=1))
    old = DeliveryFactory(expires_at=ago(seconds=1))
    lost = DeliveryFactory(state=State.IN_FLIGHT, attempts=1, lease_until=ago(seconds=1))
    gone = DeliveryFactory(webhook__deleted_at=timezone.now())
    assert one.run()
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states[due.pk] == State.PENDING
    assert states[old.pk] == State.EXPIRED
    assert states[lost.pk] == State.RETRYING
    assert states[gone.pk] == State.CANCELLED
    assert set(woken) >= {due.webhook_id, lost.webhook_id}
    due.refresh_from_db()
    assert due.sla_breached_at == due.sla_due_at


def test_two_processes_make_one_pass() -> None:
    ((one, other), _) = woken_by("a", "b")
    assert one.run()
    assert not other.run()
    free_the_lead()
    assert other.run()


def test_a_clock_that_jumps_expires_nothing_and_says_so() -> None:
    ((one,), _) = woken_by("a")
    delivery = DeliveryFactory(expires_at=ago(seconds=-3600))
    assert one.run()
    free_the_lead()
    # The database's clock goes two days ahead: seen from it, the last look was two days ago.
    assert one._clock.last is not None
    one._clock.last = Reading(
        one._clock.last.moment - dt.timedelta(days=2), one._clock.last.monotonic_s
    )
    let_pass(days=2)
    with capture_logs() as logs:
        assert one.run()
    delivery.refresh_from_db()
    assert delivery.state == State.PENDING
    (said,) = [line for line in logs if line["event"] == "database_clock_jumped"]
    assert said["log_level"] == "error"
    assert abs(said["seconds"] - 2 * 86_400) < 5
    free_the_lead()
    assert one.run()
    delivery.refresh_from_db()
    assert delivery.state == State.PENDING


@pytest.mark.parametrize("jump_s", [-7200.0, -61.0, 61.0, 7200.0])
def test_a_jump_is_distrusted_until_the_clock_was_steady_for_a_while(jump_s: float) -> None:
    clock, start = ClockGuard(), timezone.now()
    assert clock.trusts(Reading(start, 100.0))
    assert clock.trusts(Reading(start + dt.timedelta(seconds=1), 101.0))

    def at(monotonic_s: float) -> Reading:
        return Reading(start + dt.timedelta(seconds=monotonic_s - 100 + jump_s), monotonic_s)

    assert not clock.trusts(at(102.0))
    assert not clock.trusts(at(102.0 + sweep.CLOCK_DISTRUST_S - 1))
    assert clock.trusts(at(102.0 + sweep.CLOCK_DISTRUST_S))


def test_a_clock_that_drifts_or_a_process_that_sleeps_is_trusted() -> None:
    clock, start = ClockGuard(), timezone.now()
    assert clock.trusts(Reading(start, 100.0))
    assert clock.trusts(Reading(start + dt.timedelta(seconds=31), 101.0))
    assert clock.trusts(Reading(start + dt.timedelta(hours=5), 101.0 + 5 * 3600))


def test_batches_reach_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 3)
    webhook = WebhookFactory()
    for _ in range(10):
        DeliveryFactory(webhook=webhook, expires_at=ago(seconds=1), sla_due_at=ago(seconds=1))
    assert mark_sla_breaches() == 10
    assert expire() == 10


def test_final_states_are_left_alone() -> None:
    for state in FINAL:
        DeliveryFactory(
            state=state,
            expires_at=ago(days=1),
            lease_until=ago(days=1),
            webhook__deleted_at=timezone.now(),
        )
    before = list(Delivery.objects.order_by("pk").values())
    ((one,), woken) = woken_by("a")
    assert one.run()
    assert list(Delivery.objects.order_by("pk").values()) == before
    assert woken == []


def test_the_pause_between_passes_is_about_a_second() -> None:
    assert (sweep.sleep_s(0), sweep.sleep_s(0.5), sweep.sleep_s(1)) == (0.75, 1.0, 1.25)


def test_five_days_of_failures_deactivate_within_a_pass() -> None:
    webhook = WebhookFactory()
    Health.objects.create(webhook=webhook, failing_since=ago(days=6))
    DeliveryFactory(webhook=webhook, state=State.FAILED, attempts=1)
    ((one,), _) = woken_by("a")
    assert one.run()
    webhook.refresh_from_db()
    assert webhook.deactivation_reason
