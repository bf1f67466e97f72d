import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

import django.db
import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from delivery import tally
from delivery.engine.claim import Claimed, claim
from delivery.engine.record import Outcome, write
from delivery.engine.retry import Decision
from delivery.engine.sweep import end_lost_leases, expire, mark_sla_breaches
from delivery.intervals import hour_of
from delivery.models import Delivery, State, Tally
from delivery.transport.result import ErrorClass, Result
from organizations.database import fetch
from tests.delivery.engine.conftest import at_once, until
from tests.factories import DeliveryFactory, EventFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

# In the middle of an hour that is over, so that nothing slips into the next one.
CAME_IN_AT = hour_of(timezone.now()) - dt.timedelta(hours=2, minutes=-30)
SECOND = dt.timedelta(seconds=1)


def due(**values: Any) -> Delivery:
    row = {
        "ingested_at": CAME_IN_AT,
        "next_attempt_at": timezone.now() - 60 * SECOND,
    }
    return DeliveryFactory(**row | values)


def claimed(**values: Any) -> Claimed:
    (row,) = claim(due(**values).webhook_id, 1)
    return row


def outcome(
    row: Claimed,
    state: State = State.DELIVERED,
    status: int | None = 200,
    after: dt.timedelta = dt.timedelta(milliseconds=13),
) -> Outcome:
    retry_at = timezone.now() - SECOND if state is State.RETRYING else None
    started_at = row.reading.now()
    return Outcome(
        row=row,
        started_at=started_at,
        ended_at=started_at + after,
        request_headers="[]",
        result=Result(
            status=status,
            error=None if status else ErrorClass.TIMEOUT,
            detail="",
            headers=(),
            body="",
            body_truncated=False,
            address="192.0.2.1:443",
            duration_ms=12.5,
        ),
        decision=Decision(state, retry_at),
    )


def lose(*rows: Claimed) -> None:
    """Their workers never come back."""
    Delivery.objects.filter(id__in=[row.delivery_id for row in rows]).update(
        lease_until=timezone.now() - SECOND
    )
    assert end_lost_leases() == len(rows)


def counted() -> dict[str, int]:
    """What is counted over all webhooks and hours, without the times."""
    sums = Tally.objects.values_list("what").annotate(Sum("count"))
    return {what: count for what, count in sums if count and what[0] != "t"}


def everything() -> dict[tuple[Any, ...], tuple[int, Any]]:
    keys = Tally.objects.values_list("webhook_id", "hour", "what")
    sums = keys.annotate(count=Sum("count"), total_ms=Sum("total_ms"))
    return {
        (*key, what): (count, pytest.approx(total_ms, abs=0.01))
        for *key, what, count, total_ms in sums
        if count
    }


def assert_a_recount_finds_the_same() -> None:
    kept = everything()
    tally.recount()
    assert everything() == kept


def test_a_success_is_counted_with_its_time_and_its_status() -> None:
    row = claimed()
    write([outcome(row)])
    assert counted() == {"delivered": 1, "s200": 1}
    delivery = Delivery.objects.get()
    assert delivery.finished_at is not None
    time = delivery.finished_at - delivery.created_at
    ended = Tally.objects.get(what="delivered")
    assert (ended.webhook_id, ended.hour) == (row.webhook_id, hour_of(CAME_IN_AT))
    assert ended.total_ms == pytest.approx(time / dt.timedelta(milliseconds=1), abs=0.01)
    assert Tally.objects.get(what__startswith="t").what == tally.time_bucket(time)
    assert_a_recount_finds_the_same()


def test_an_attempt_that_is_replayed_counts_by_its_status_only() -> None:
    row = claimed()
    write([outcome(row, State.RETRYING, None)])
    assert counted() == {"s-": 1}
    (again,) = claim(row.webhook_id, 1)
    write([outcome(again, State.RETRYING, 503)])
    assert counted() == {"s-": 1, "s503": 1}
    assert_a_recount_finds_the_same()


@pytest.mark.parametrize("state", [State.FAILED, State.BLOCKED, State.EXPIRED])
def test_a_final_failure_counts_as_what_it_is(state: State) -> None:
    write([outcome(claimed(), state, 404)])
    assert counted() == {state: 1, "s404": 1}
    assert_a_recount_finds_the_same()


def test_what_expires_is_counted() -> None:
    due(expires_at=timezone.now() - SECOND)
    assert expire() == 1
    assert counted() == {"expired": 1}
    assert_a_recount_finds_the_same()


def test_what_is_quarantined_is_counted_and_other_lost_leases_are_not() -> None:
    rows = [claimed(lost_leases=3), claimed()]
    lose(*rows)
    assert counted() == {"quarantined": 1}
    assert_a_recount_finds_the_same()


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.QUARANTINED])
def test_a_late_success_moves_the_count(state: State) -> None:
    row = claimed()
    if state is State.FAILED:
        lose(row)
        (again,) = claim(row.webhook_id, 1)
        write([outcome(again, State.FAILED, 404)])
    elif state is State.EXPIRED:
        lose(row)
        Delivery.objects.update(expires_at=timezone.now() - SECOND)
        assert expire() == 1
    else:
        Delivery.objects.update(lost_leases=3)
        lose(row)
    assert counted()[state] == 1
    write([outcome(row)])
    after = counted()
    assert (after["delivered"], after.get(state)) == (1, None)
    assert_a_recount_finds_the_same()


def test_a_late_success_of_a_cancelled_delivery_is_counted() -> None:
    row = claimed()
    Delivery.objects.update(state=State.CANCELLED, finished_at=timezone.now())
    write([outcome(row)])
    assert counted() == {"delivered": 1, "s200": 1}
    assert_a_recount_finds_the_same()


def test_a_stale_failure_counts_as_an_attempt_only() -> None:
    stale = claimed()
    lose(stale)
    (current,) = claim(stale.webhook_id, 1)
    write([outcome(stale, State.FAILED, 404)])
    assert counted() == {"s404": 1}
    write([outcome(current)])
    assert counted() == {"s404": 1, "s200": 1, "delivered": 1}
    assert_a_recount_finds_the_same()


def test_a_success_and_its_stale_twin_in_one_batch_count_once() -> None:
    stale = claimed()
    lose(stale)
    (current,) = claim(stale.webhook_id, 1)
    write([outcome(stale), outcome(current, State.FAILED, 404)])
    assert Delivery.objects.get().state == State.DELIVERED
    assert counted() == {"delivered": 1, "s200": 1, "s404": 1}
    assert_a_recount_finds_the_same()


def test_cancelled_deliveries_count_in_no_state() -> None:
    row = claimed()
    write([outcome(row, State.RETRYING, 500)])
    assert Delivery.objects.all().cancel() == 1
    assert counted() == {"s500": 1}
    assert_a_recount_finds_the_same()


def test_test_events_count_nowhere() -> None:
    values = {"event__is_test": True, "sla_due_at": timezone.now() - SECOND}
    write([outcome(claimed(**values))])
    stale = claimed(**values)
    lose(stale)
    write([outcome(stale, State.RETRYING, 500)])
    due(expires_at=timezone.now() - SECOND, **values)
    expire()
    Delivery.objects.filter(state=State.RETRYING).update(state=State.IN_FLIGHT, lost_leases=3)
    lose(stale)
    mark_sla_breaches()
    assert counted() == {}
    assert_a_recount_finds_the_same()


def test_a_breach_is_counted_once_whoever_notes_it() -> None:
    past = timezone.now() - SECOND
    due(sla_due_at=past)
    assert mark_sla_breaches() == 1
    (noted,) = claim(Delivery.objects.get().webhook_id, 1)
    write([outcome(noted)])
    assert counted()["sla"] == 1
    write([outcome(claimed(sla_due_at=past), State.FAILED, 404)])
    mark_sla_breaches()
    assert counted()["sla"] == 2
    assert_a_recount_finds_the_same()


def test_a_breach_that_is_taken_back_is_not_counted() -> None:
    row = claimed(sla_due_at=timezone.now() - SECOND)
    assert mark_sla_breaches() == 1
    done = outcome(row)
    Delivery.objects.update(sla_due_at=done.ended_at + SECOND)
    write([done])
    assert "sla" not in counted()
    assert_a_recount_finds_the_same()


def test_a_breach_that_a_late_success_takes_back_is_not_counted() -> None:
    row = claimed(sla_due_at=timezone.now() - SECOND)
    lose(row)
    (again,) = claim(row.webhook_id, 1)
    write([outcome(again, State.FAILED, 404)])
    assert counted()["sla"] == 1
    done = outcome(row)
    Delivery.objects.update(sla_due_at=done.ended_at + SECOND)
    write([done])
    assert counted() == {"delivered": 1, "s200": 1, "s404": 1}
    assert_a_recount_finds_the_same()


def test_a_breach_of_a_cancelled_delivery_stays_one() -> None:
    due(sla_due_at=timezone.now() - SECOND)
    mark_sla_breaches()
    Delivery.objects.all().cancel()
    assert counted() == {"sla": 1}
    assert_a_recount_finds_the_same()


def test_what_a_replay_stands_for_counts_in_no_state() -> None:
    old = claimed()
    delivery = Delivery.objects.get()
    DeliveryFactory(
        event=delivery.event, webhook=delivery.webhook, is_replay=True, ingested_at=CAME_IN_AT
    )
    write([outcome(old, State.FAILED, 404)])
    assert counted() == {"s404": 1}
    lose(claim(delivery.webhook_id, 1)[0])
    (replay,) = claim(delivery.webhook_id, 1)
    write([outcome(old), outcome(replay)])
    assert counted() == {"delivered": 1, "s404": 1, "s200": 2}
    assert_a_recount_finds_the_same()


def test_each_webhook_and_each_hour_has_its_own_numbers() -> None:
    first, second = WebhookFactory.create_batch(2)
    earlier = CAME_IN_AT - dt.timedelta(hours=5)
    for webhook, moment in ((first, CAME_IN_AT), (first, earlier), (second, earlier)):
        due(webhook=webhook, ingested_at=moment)
    rows = [*claim(first.pk, 5), *claim(second.pk, 5)]
    write([outcome(row) for row in rows])
    numbers = Tally.objects.filter(what="delivered").values_list("webhook_id", "hour", "count")
    assert sorted(numbers) == [
        (first.pk, hour_of(earlier), 1),
        (first.pk, hour_of(CAME_IN_AT), 1),
        (second.pk, hour_of(earlier), 1),
    ]
    assert_a_recount_finds_the_same()


def test_a_recount_of_one_webhook_leaves_the_others_alone() -> None:
    rows = [claimed(), claimed()]
    write([outcome(row) for row in rows])
    Tally.objects.update(count=7)
    tally.recount([rows[0].webhook_id])
    numbers = Tally.objects.filter(what="delivered").values_list("webhook_id", "count")
    assert dict(numbers) == {rows[0].webhook_id: 1, rows[1].webhook_id: 7}


def test_counting_takes_no_statement_of_its_own(django_assert_num_queries: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite writes row by row")
    webhook = WebhookFactory()
    for _ in range(3):
        due(webhook=webhook)
    first, *others = claim(webhook.pk, 3)
    write([outcome(first)])
    # A savepoint, its end, and the health; the one that writes goes past Django.
    with django_assert_num_queries(3):
        write([outcome(row) for row in others])
    assert counted() == {"delivered": 3, "s200": 3}


# --- At the same time ----------------------------------------------------------------------


def rows_of(webhooks: Iterable[Webhook], each: int) -> list[Claimed]:
    rows = []
    for webhook in webhooks:
        Delivery.objects.bulk_create(
            Delivery(
                event=event,
                webhook=webhook,
                ingested_at=CAME_IN_AT,
                next_attempt_at=timezone.now() - 60 * SECOND,
                expires_at=timezone.now() + 3600 * SECOND,
                sla_due_at=timezone.now() - SECOND,
            )
            for event in EventFactory.create_batch(each, organization=webhook.organization)
        )
        rows += claim(webhook.pk, each)
    return rows


@pytest.mark.django_db(transaction=True)
def test_writers_and_sweeps_at_once_neither_wait_in_a_circle_nor_lose_a_count() -> None:
    webhooks = WebhookFactory.create_batch(4)
    batches = [rows_of(webhooks, 6) for _ in range(6)]
    for number, batch in enumerate(batches):
        batch.sort(key=lambda row: (row.webhook_id, row.delivery_id), reverse=number % 2 == 0)
    waiting = iter(batches)
    lock = threading.Lock()

    def work() -> None:
        with lock:
            batch = next(waiting)
        lost = batch[::3]
        Delivery.objects.filter(id__in=[row.delivery_id for row in lost]).update(
            lease_until=timezone.now() - SECOND, lost_leases=3
        )
        end_lost_leases()
        mark_sla_breaches()
        write([outcome(row, State.RETRYING if row in lost else State.FAILED, 500) for row in batch])
        mark_sla_breaches()
        write([outcome(row) for row in reversed(lost)])

    answers = at_once(len(batches), work)
    assert answers == [None] * len(batches)
    assert counted()["sla"] == 6 * 24
    assert_a_recount_finds_the_same()


@pytest.mark.django_db(transaction=True)
def test_a_recount_under_way_counts_nothing_twice_and_forgets_nothing() -> None:
    webhooks = WebhookFactory.create_batch(2)
    rows = rows_of(webhooks, 20)

    def record() -> None:
        for row in rows:
            write([outcome(row)])

    def recount() -> None:
        for _ in range(5):
            tally.recount()

    work = [record, recount]
    assert at_once(2, lambda: work.pop()()) == [None, None]
    assert counted() == {"delivered": 40, "s200": 40, "sla": 40}
    assert_a_recount_finds_the_same()


@pytest.mark.django_db(transaction=True)
def test_a_breach_that_is_noted_while_the_outcome_waits_for_the_row_counts_once() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    row = claimed(sla_due_at=timezone.now() - SECOND)
    errors: list[Exception] = []

    def record() -> None:
        try:
            write([outcome(row)])
        except Exception as error:  # noqa: BLE001  the test looks at it
            errors.append(error)
        finally:
            django.db.connections.close_all()

    thread = threading.Thread(target=record)
    with transaction.atomic():
        assert mark_sla_breaches() == 1
        thread.start()
        until(lambda: fetch("SELECT 1 FROM pg_locks WHERE NOT granted", {}))
    thread.join(30)
    assert errors == []
    assert Delivery.objects.get().state == State.DELIVERED
    assert counted() == Counter({"delivered": 1, "s200": 1, "sla": 1})
    assert_a_recount_finds_the_same()
