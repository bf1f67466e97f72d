import signal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery import tally
from delivery.engine.claim import claim
from delivery.engine.clock import database_now
from delivery.engine.sweep import Sweep
from delivery.log import BY_INGESTION
from delivery.models import Delivery, Replay, State
from delivery.replay import making
from delivery.replay.making import Maker, make_batch
from tests.delivery.engine.conftest import at_once
from tests.delivery.replay.ended import (
    CAME_IN_AT,
    SECOND,
    assert_a_recount_finds_the_same,
    counted,
    ended,
    make_all,
)
from tests.delivery.replay.sweepers import swept_by_a_process
from tests.factories import DeliveryFactory, EventFactory, ReplayFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def webhook() -> Webhook:
    made: Webhook = WebhookFactory()
    return made


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "BATCH", 4)


def replay_of(webhook: Webhook, **values: Any) -> Replay:
    replay: Replay = ReplayFactory(
        webhook=webhook,
        start=CAME_IN_AT - 60 * SECOND,
        end=CAME_IN_AT + 600 * SECOND,
        created_at=database_now(),
        **values,
    )
    return replay


def made_of(replay: Replay) -> list[Any]:
    return list(Delivery.objects.filter(replay=replay).values_list("event", flat=True))


def test_each_is_made_once_a_batch_at_a_time(webhook: Webhook) -> None:
    rows = [ended(webhook=webhook, ingested_at=CAME_IN_AT + n // 3 * SECOND) for n in range(10)]
    tally.recount()
    replay = replay_of(webhook, total=10)
    assert [make_batch(replay.pk) for _ in range(4)] == [4, 4, 2, 0]
    assert sorted(made_of(replay)) == sorted(row.event_id for row in rows)
    replay.refresh_from_db()
    assert (replay.made, replay.passed_over) == (10, 0)
    assert replay.finished_at is not None
    assert counted() == {}
    assert_a_recount_finds_the_same()


def test_the_oldest_event_goes_first(webhook: Webhook) -> None:
    moments = [CAME_IN_AT + n * SECOND for n in (3, 1, 2)]
    for moment in moments:
        ended(webhook=webhook, ingested_at=moment)
    replay = replay_of(webhook)
    make_batch(replay.pk)
    rows = claim(webhook.pk, 10)
    assert [row.ingested_at for row in rows] == sorted(moments)


def test_a_replay_that_fails_is_not_replayed_by_the_same_one(webhook: Webhook) -> None:
    for _ in range(6):
        ended(webhook=webhook)
    replay = replay_of(webhook)
    while Replay.objects.running().exists():
        make_batch(replay.pk)
        Delivery.objects.filter(replay=replay).update(
            state=State.FAILED, finished_at=database_now(), next_attempt_at=None
        )
    assert len(made_of(replay)) == 6


def test_nor_when_the_databases_clock_goes_back(webhook: Webhook) -> None:
    for _ in range(6):
        ended(webhook=webhook)
    replay = replay_of(webhook)
    make_batch(replay.pk)
    Delivery.objects.filter(replay=replay).update(
        state=State.FAILED, created_at=CAME_IN_AT, finished_at=CAME_IN_AT
    )
    make_all(replay)
    assert len(made_of(replay)) == len(set(made_of(replay))) == 6


def test_what_was_delivered_or_replayed_meanwhile_is_passed_over(webhook: Webhook) -> None:
    rows = [ended(webhook=webhook, ingested_at=CAME_IN_AT + n * SECOND) for n in range(8)]
    replay = replay_of(webhook, total=8)
    make_batch(replay.pk)
    Delivery.objects.filter(pk=rows[5].pk).update(state=State.DELIVERED)
    ended(State.PENDING, webhook=webhook, event=rows[6].event, is_replay=True)
    Delivery.objects.filter(pk=rows[7].pk).update(state=State.IN_FLIGHT)
    make_all(replay)
    replay.refresh_from_db()
    assert (replay.made, replay.passed_over) == (5, 3)


def test_what_another_transaction_holds_is_made_in_another_round(webhook: Webhook) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no locks of rows")
    rows = [ended(webhook=webhook, ingested_at=CAME_IN_AT + n * SECOND) for n in range(6)]
    replay = replay_of(webhook, total=6)
    place = making.Place(left_out=1, after=BY_INGESTION.of(rows[-1]))
    after = place.after_all()
    assert after is not None
    assert (after.part, after.after, after.round) == (making.DELIVERIES, None, 2)
    replay.go_on(0, place.stored())
    assert make_batch(replay.pk) == 0
    assert make_all(replay) == 6


def test_missed_events_get_their_first_delivery(webhook: Webhook) -> None:
    old = ended(webhook=webhook)
    events = [
        EventFactory(organization=webhook.organization, ingested_at=CAME_IN_AT) for _ in range(5)
    ]
    replay = replay_of(webhook, missing=True, total=6)
    make_all(replay)
    assert sorted(made_of(replay)) == sorted([old.event_id, *(event.pk for event in events)])
    first = Delivery.objects.get(event=events[0])
    assert (first.is_replay, first.is_made_again) == (False, True)
    assert first.ingested_at == CAME_IN_AT
    tally.recount()
    assert make_all(replay_of(webhook, states=[], missing=True)) == 0


def test_what_the_filter_holds_back_is_not_made(webhook: Webhook) -> None:
    webhook.filter = {"data.amount": {"$gte": 1_000}}
    webhook.save()
    values = {"organization": webhook.organization, "ingested_at": CAME_IN_AT}
    for amount in (5, 5_000):
        EventFactory(data={"amount": amount}, **values)
    odd = EventFactory(data={"amount": "many"}, **values)
    replay = replay_of(webhook, states=[], missing=True, total=3)
    make_all(replay)
    replay.refresh_from_db()
    assert (replay.made, replay.passed_over) == (2, 1)
    assert Delivery.objects.get(event=odd).filter_error


def test_payloads_are_read_for_a_filter_only(webhook: Webhook) -> None:
    EventFactory(organization=webhook.organization, ingested_at=CAME_IN_AT, name="customerAdded")
    webhook.subscriptions.create(position=9, event_name="customerAdded")
    replay = replay_of(webhook, states=[], missing=True, total=1)
    with CaptureQueriesContext(connection) as queries:
        assert make_all(replay) == 1
    assert "payload" not in str(queries.captured_queries)


def test_no_more_are_pending_than_a_webhook_has_room_for(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MOST_PENDING", 6)
    for _ in range(12):
        ended(webhook=webhook)
    DeliveryFactory(webhook=webhook)
    replay = replay_of(webhook)
    assert [make_batch(replay.pk) for _ in range(3)] == [4, 1, 0]
    Delivery.objects.filter(replay=replay).update(state=State.DELIVERED)
    assert make_batch(replay.pk) == 4


def test_new_events_and_single_replays_are_claimed_first(webhook: Webhook) -> None:
    for _ in range(4):
        ended(webhook=webhook)
    make_batch(replay_of(webhook).pk)
    new = DeliveryFactory(webhook=webhook)
    alone = ended(State.PENDING, webhook=webhook, is_replay=True, next_attempt_at=database_now())
    first = claim(webhook.pk, 3)
    assert {new.pk, alone.pk} < {row.delivery_id for row in first}
    assert len(claim(webhook.pk, 10)) == 3


def test_while_its_webhook_is_inactive_a_replay_waits(webhook: Webhook) -> None:
    ended(webhook=webhook)
    replay = replay_of(webhook)
    Webhook.objects.update(deactivated_at=database_now())
    assert make_batch(replay.pk) == 0
    Webhook.objects.update(deactivated_at=None)
    assert make_batch(replay.pk) == 1


def test_it_ends_with_its_webhook(webhook: Webhook) -> None:
    ended(webhook=webhook)
    replay = replay_of(webhook)
    Webhook.objects.update(deleted_at=database_now(), undo_until=database_now())
    assert make_batch(replay.pk) == 0
    assert Replay.objects.running().exists()
    Webhook.objects.update(undo_until=None)
    assert make_batch(replay.pk) == 0
    replay.refresh_from_db()
    assert replay.cancelled_at is not None
    assert made_of(replay) == []


def test_every_replay_gets_its_turn(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "LONGEST_PASS_S", 0.0)
    replays = []
    for _ in range(3):
        other = WebhookFactory()
        for _ in range(5):
            ended(webhook=other)
        replays.append(replay_of(other))
    maker = Maker()
    for _ in replays:
        assert maker.run() == 4
    assert [len(made_of(replay)) for replay in replays] == [4, 4, 4]


def test_the_sweep_makes_them_and_wakes_the_webhook(webhook: Webhook) -> None:
    ended(webhook=webhook)
    replay = replay_of(webhook)
    woken: list[int] = []
    assert Sweep("a", woken.extend).run()
    assert len(made_of(replay)) == 1
    assert woken == [webhook.pk]


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_make_each_once(webhook: Webhook) -> None:
    for n in range(40):
        ended(webhook=webhook, ingested_at=CAME_IN_AT + n * SECOND)
    tally.recount()
    replay = replay_of(webhook, total=40)

    def sweep() -> int:
        maker, made = Maker(), 0
        while Replay.objects.running().exists():
            made += maker.run()
        return made

    assert sum(at_once(3, sweep)) == 40
    assert len(made_of(replay)) == len(set(made_of(replay))) == 40
    replay.refresh_from_db()
    assert replay.made == 40
    assert counted() == {}
    assert_a_recount_finds_the_same()


@pytest.mark.django_db(transaction=True)
def test_a_sweeper_that_is_killed_in_a_batch_leaves_nothing_half_done(webhook: Webhook) -> None:
    for n in range(6):
        ended(webhook=webhook, ingested_at=CAME_IN_AT + n * SECOND)
    tally.recount()
    before = counted()
    replay = replay_of(webhook, total=6)
    assert swept_by_a_process("in_replay@1") == -signal.SIGKILL
    assert made_of(replay) == []
    assert counted() == before
    assert swept_by_a_process("") == 0
    assert len(made_of(replay)) == len(set(made_of(replay))) == 6
    assert counted() == {}
    assert_a_recount_finds_the_same()


def test_a_place_is_stored_and_found_again() -> None:
    place = making.Place(making.MISSED, BY_INGESTION.of(ended()), 3, 2)
    assert making.Place.of(place.stored()) == place
    assert making.Place.of(None) == making.Place()
