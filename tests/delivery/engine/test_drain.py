import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from structlog.testing import capture_logs

from delivery.engine import drain as drain_module
from delivery.engine.claim import claim
from delivery.engine.process import Engine
from delivery.engine.sweep import LOST_LEASES_TO_QUARANTINE, end_lost_leases
from delivery.models import Attempt, Delivery, Health, State
from organizations.redis import Door
from tests.delivery.engine.conftest import (
    EngineHouse,
    Finish,
    Gate,
    database_away,
    let_pass,
    until,
)
from tests.factories import DeliveryFactory, EventFactory, WebhookFactory
from tests.receiver import Receiver
from webhooks.models import Header, Webhook

pytestmark = pytest.mark.both_databases


def with_rows(count: int, **webhook_values: Any) -> Any:
    """A webhook with so many due deliveries."""
    webhook = WebhookFactory(**webhook_values)
    events = [EventFactory(organization=webhook.organization) for _ in range(count)]
    expires_at = timezone.now() + dt.timedelta(hours=24)
    Delivery.objects.bulk_create(
        Delivery(webhook=webhook, event=event, expires_at=expires_at) for event in events
    )
    return webhook


def count(state: State) -> int:
    return Delivery.objects.filter(state=state).count()


def slots_in_use(redis: Door, webhook: Webhook) -> int:
    return redis.call(lambda client: client.zcard(f"ens:sem:{webhook.pk}"))


def change(webhook: Webhook, **values: Any) -> None:
    """As the API does: with a new revision."""
    Webhook.objects.filter(pk=webhook.pk).update(revision=F("revision") + 1, **values)


def sees_revision(engine: Engine, webhook: Webhook, revision: int) -> bool:
    target = engine._targets.known(webhook.pk)
    return target is not None and target.revision == revision


def test_a_due_row_is_sent_and_recorded(finish: Finish, receiver: Receiver) -> None:
    delivery = DeliveryFactory(webhook__url=receiver.url())
    finish(delivery.webhook_id)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.DELIVERED, 1)
    attempt = delivery.attempt_log.get()
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, "")
    (request,) = receiver.requests
    assert request.body == delivery.event.payload.encode()
    assert request.headers["webhook-id"] == delivery.event.event_id


def test_many_rows_are_each_sent_once_and_no_slot_is_kept(
    finish: Finish, receiver: Receiver, redis: Door
) -> None:
    webhook = with_rows(300, url=receiver.url())
    finish(webhook.pk)
    assert count(State.DELIVERED) == Attempt.objects.count() == 300
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 300
    assert len(receiver.requests) == 300
    until(lambda: slots_in_use(redis, webhook) == 0)


def test_a_webhook_without_rows_or_that_is_not_there_is_no_trouble(
    finish: Finish, receiver: Receiver
) -> None:
    finish(WebhookFactory(url=receiver.url()).pk)
    finish(10**9)
    assert receiver.connections == 0


@pytest.mark.parametrize(("limit", "rows"), [(1, 40), (3, 90), (50, 400)])
def test_two_engines_never_exceed_the_limit(
    limit: int, rows: int, house: EngineHouse, receiver: Receiver
) -> None:
    webhook = with_rows(rows, url=receiver.url("/status/200?delay=0.02"), max_connections=limit)
    engines = [house.new(), house.new()]
    for engine in engines:
        engine.start()
        house.drain_soon(engine, webhook.pk)
    until(lambda: count(State.DELIVERED) == rows, timeout_s=40)
    assert receiver.max_concurrency <= limit
    assert len(receiver.requests) == rows


def test_a_slow_receiver_gets_as_many_at_once_as_it_may(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate
) -> None:
    webhook = with_rows(60, url=receiver.url(), max_connections=50)
    house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 50)
    gate.let_out()
    until(lambda: count(State.DELIVERED) == 60)
    assert receiver.max_concurrency == 50


def test_a_long_queue_calls_another_process(house: EngineHouse, receiver: Receiver) -> None:
    woken: list[int] = []
    engine = house.new()
    engine._waker._publish = woken.append  # as another process, that gets the message
    webhook = with_rows(600, url=receiver.url(), max_connections=20)
    engine.drain(webhook.pk)
    assert engine.settle(timeout_s=20)
    assert set(woken) == {webhook.pk}


def test_a_short_queue_calls_nobody(house: EngineHouse, receiver: Receiver) -> None:
    woken: list[int] = []
    engine = house.new()
    engine._waker._publish = woken.append
    webhook = with_rows(20, url=receiver.url(), max_connections=20)
    engine.drain(webhook.pk)
    assert engine.settle(timeout_s=20)
    assert woken == []


def test_a_fast_receiver_is_not_flooded(finish: Finish, receiver: Receiver) -> None:
    webhook = with_rows(100, url=receiver.url(), max_connections=100)
    finish(webhook.pk)
    assert receiver.connections < 50


# --- A webhook that changes while it is delivered to -----------------------------------------


def test_a_lower_limit_is_obeyed_by_the_next_request(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate
) -> None:
    engine.start()
    webhook = with_rows(60, url=receiver.url(), max_connections=10)
    house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 10)
    change(webhook, max_connections=3)
    until(lambda: sees_revision(engine, webhook, 2))
    gate.let_out(7)
    until(lambda: gate.inside == 3 and engine._capacity.in_flight() == 3)
    assert len(receiver.requests) == 10
    for sent in range(11, 20):
        gate.let_out(1)
        receiver.wait_for(sent)
        assert gate.inside <= 3
    gate.let_out()
    until(lambda: count(State.DELIVERED) == 60)


def test_another_url_is_obeyed_by_the_next_request(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate
) -> None:
    engine.start()
    webhook = with_rows(20, url=receiver.url("/old"), max_connections=1)
    house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 1)
    change(webhook, url=receiver.url("/new"))
    until(lambda: sees_revision(engine, webhook, 2))
    gate.let_out()
    until(lambda: count(State.DELIVERED) == 20)
    assert [request.path for request in receiver.requests] == ["/old"] + ["/new"] * 19


def test_a_deactivated_webhook_gets_nothing_more_until_it_is_activated(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate
) -> None:
    engine.start()
    webhook = with_rows(30, url=receiver.url(), max_connections=2)
    house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 2)
    change(webhook, deactivated_at=timezone.now())
    until(lambda: engine._targets.known(webhook.pk) is None)
    gate.let_out()
    until(lambda: count(State.DELIVERED) == 2 and count(State.PENDING) == 28)
    assert set(Delivery.objects.filter(state=State.PENDING).values_list("attempts")) == {(0,)}
    assert len(receiver.requests) == 2
    change(webhook, deactivated_at=None)
    until(lambda: count(State.DELIVERED) == 30)
    assert len(receiver.requests) == 30


def test_a_deleted_webhook_gets_nothing_more_and_its_deliveries_are_cancelled(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate
) -> None:
    engine.start()
    webhook = with_rows(30, url=receiver.url(), max_connections=2)
    house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 2)
    change(webhook, deleted_at=timezone.now())
    until(lambda: engine._targets.known(webhook.pk) is None)
    gate.let_out()
    until(lambda: count(State.DELIVERED) == 2 and count(State.CANCELLED) == 28)
    assert len(receiver.requests) == 2


def test_a_header_that_can_not_be_read_holds_the_rows_and_is_not_shown(
    finish: Finish, engine: Engine, receiver: Receiver
) -> None:
    webhook = with_rows(3, url=receiver.url())
    Header.objects.create(webhook=webhook, position=0, name="X-Key", value="secret")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE webhooks_header SET value = 'gAAAAAgibberish'")
    with capture_logs() as logs:
        finish(webhook.pk)
    assert count(State.PENDING) == 3
    assert receiver.requests == []
    (said,) = [line for line in logs if line["event"] == "webhook_not_sendable"]
    assert said["log_level"] == "error"
    assert "gibberish" not in str(said)
    Header.objects.update(value="readable")
    change(webhook)
    until(lambda: engine._targets.get(webhook.pk) and sees_revision(engine, webhook, 2))
    finish(webhook.pk)
    assert count(State.DELIVERED) == 3
    assert {request.headers["x-key"] for request in receiver.requests} == {"readable"}


# --- The end of a drain ----------------------------------------------------------------------


def test_at_the_end_of_the_process_what_was_not_begun_is_given_back(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate, redis: Door
) -> None:
    webhook = with_rows(50, url=receiver.url(), max_connections=2)
    drain = house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 2)
    engine.begin_stop()
    drain.join(10)
    assert not drain.is_alive()
    assert set(
        Delivery.objects.exclude(state=State.IN_FLIGHT).values_list(
            "state", "attempts", "first_attempt_at"
        )
    ) == {("pending", 0, None)}
    assert count(State.PENDING) == 48
    gate.let_out()
    assert engine.stop(timeout_s=10)
    assert count(State.DELIVERED) == 2
    until(lambda: slots_in_use(redis, webhook) == 0)


def test_a_turn_ends_and_another_one_begins(
    house: EngineHouse, engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "SLICE_S", 0.05)
    webhook = with_rows(40, url=receiver.url("/status/200?delay=0.01"), max_connections=1)
    house.drain_soon(engine, webhook.pk)
    until(lambda: count(State.DELIVERED) == 40)
    assert len(receiver.requests) == 40


def test_a_wake_up_during_a_drain_is_not_lost(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate
) -> None:
    webhook = with_rows(1, url=receiver.url(), max_connections=1)
    drain = house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 1)
    for _ in range(3):
        DeliveryFactory(webhook=webhook)
        engine.drain(webhook.pk)  # noted by the one that runs
    gate.let_out()
    drain.join(10)
    assert engine.settle(10)
    assert count(State.DELIVERED) == 4


def test_whoever_found_no_free_slot_is_woken_when_one_is_freed(
    house: EngineHouse, receiver: Receiver, gate: Gate
) -> None:
    busy, refused = house.new(), house.new()
    webhook = with_rows(1, url=receiver.url(), max_connections=1)
    drain = house.drain_soon(busy, webhook.pk)
    until(lambda: gate.inside == 1)
    DeliveryFactory(webhook=webhook)
    refused.drain(webhook.pk)
    assert len(receiver.requests) == 1
    gate.let_out()
    until(lambda: count(State.DELIVERED) == 2)
    drain.join(10)


def test_a_row_that_waited_too_long_in_its_claim_is_given_back_unsent(
    engine: Engine, receiver: Receiver
) -> None:
    delivery = DeliveryFactory(webhook__url=receiver.url())
    engine._targets.get(delivery.webhook_id)
    let_pass(seconds=1)
    (row,) = claim(delivery.webhook_id, 1)
    object.__setattr__(row.reading, "monotonic_s", row.reading.monotonic_s - 41)
    engine._parts.sender.send(row)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.PENDING, 0)
    assert receiver.connections == 0


def test_a_row_that_breaks_the_sending_again_and_again_is_set_aside(
    finish: Finish, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url())
    event = EventFactory(organization=webhook.organization, event_id="not ascii: é")
    broken = DeliveryFactory(webhook=webhook, event=event)
    fine = DeliveryFactory(webhook=webhook)
    for _ in range(LOST_LEASES_TO_QUARANTINE):
        finish(webhook.pk)
        broken.refresh_from_db()
        assert broken.state == State.IN_FLIGHT
        let_pass(seconds=100)
        end_lost_leases()
        let_pass(seconds=1)
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, broken.attempts) == (State.QUARANTINED, LOST_LEASES_TO_QUARANTINE)
    assert fine.state == State.DELIVERED
    assert len(receiver.requests) == 1


def test_a_database_that_goes_away_costs_no_slot_no_place_and_no_row(
    house: EngineHouse, engine: Engine, receiver: Receiver, gate: Gate, redis: Door
) -> None:
    engine.start()
    webhook = with_rows(20, url=receiver.url(), max_connections=2)
    house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 2)
    with capture_logs() as logs, database_away():
        gate.let_out()
        until(lambda: [line for line in logs if line["event"] == "outcomes_not_written"])
        until(lambda: slots_in_use(redis, webhook) == 0)
        assert not engine._capacity.busy()
    until(lambda: count(State.DELIVERED) >= 2)
    let_pass(seconds=80)  # the claims that could not be given back
    until(lambda: count(State.DELIVERED) == 20, timeout_s=30)
    assert engine._semaphore.held() == 0


# --- Order, circuits, isolation --------------------------------------------------------------


def test_first_attempts_go_before_replays(finish: Finish, receiver: Receiver) -> None:
    webhook = WebhookFactory(url=receiver.url(), max_connections=1)
    replay = DeliveryFactory(webhook=webhook, state=State.RETRYING, attempts=1)
    first = DeliveryFactory(webhook=webhook)
    finish(webhook.pk)
    assert [request.headers["webhook-id"] for request in receiver.requests] == [
        first.event.event_id,
        replay.event.event_id,
    ]


def ripen(engine: Engine, webhook: Webhook) -> None:
    """The time for which the circuit is open passes, and the process sees it."""
    Health.objects.filter(webhook=webhook).update(
        open_until=timezone.now() - dt.timedelta(seconds=1)
    )
    engine._targets.refresh([webhook.pk])


def test_an_open_circuit_lets_one_probe_through(
    finish: Finish, engine: Engine, receiver: Receiver
) -> None:
    webhook = with_rows(300, url=receiver.url("/status/500?delay=0.01"), max_connections=2)
    finish(webhook.pk)
    tried = len(receiver.requests)
    assert 5 <= tried < 100
    assert count(State.PENDING) == 300 - tried
    finish(webhook.pk)
    assert len(receiver.requests) == tried

    ripen(engine, webhook)
    finish(webhook.pk)
    receiver.wait_for(tried + 1)  # a slot that comes back late makes another drain send it
    for _ in range(2):
        finish(webhook.pk)
    assert len(receiver.requests) == tried + 1
    assert count(State.PENDING) == 299 - tried


def test_the_probe_that_is_answered_closes_the_circuit(
    finish: Finish, engine: Engine, receiver: Receiver
) -> None:
    webhook = with_rows(9, url=receiver.url())
    Health.objects.create(webhook=webhook, failures=9, openings=3, open_until=timezone.now())
    ripen(engine, webhook)
    finish(webhook.pk)
    health = Health.objects.get(webhook=webhook)
    assert (health.open_until, health.failures, health.openings) == (None, 0, 0)
    assert count(State.DELIVERED) == len(receiver.requests) == 1
    target = engine._targets.known(webhook.pk)
    assert target is not None
    assert target.health.closed_at == health.closed_at  # told at once, not by the next look
    finish(webhook.pk)
    assert count(State.DELIVERED) == 9


def test_a_probe_that_finds_nothing_to_send_does_not_keep_the_circuit_open(
    finish: Finish, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url())
    Health.objects.create(webhook=webhook, failures=5, openings=1, open_until=timezone.now())
    finish(webhook.pk)
    assert Health.objects.get(webhook=webhook).openings == 1


def test_hanging_receivers_do_not_delay_a_healthy_one(
    house: EngineHouse, engine: Engine, receiver: Receiver
) -> None:
    engine.start()
    hanging = [with_rows(10, url=receiver.url("/hang")) for _ in range(12)]
    for webhook in hanging:
        house.drain_soon(engine, webhook.pk)
    receiver.wait_for(12)
    healthy = with_rows(100, url=receiver.url("/status/200"))
    house.drain_soon(engine, healthy.pk)
    until(lambda: healthy.deliveries.filter(state=State.DELIVERED).count() == 100)
