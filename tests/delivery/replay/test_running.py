import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from delivery import tally
from delivery.engine.clock import database_now
from delivery.models import FAILED, Delivery, Replay, State
from delivery.replay.choice import Choice
from delivery.replay.making import make_batch
from delivery.replay.progress import progress_of
from delivery.replay.running import cancel, start
from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.delivery.engine.conftest import at_once
from tests.delivery.replay.ended import (
    CAME_IN_AT,
    SECOND,
    assert_a_recount_finds_the_same,
    ended,
    make_all,
)
from tests.factories import MembershipFactory, ReplayFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def webhook() -> Webhook:
    made: Webhook = WebhookFactory()
    return made


@pytest.fixture
def alice(webhook: Webhook) -> Caller:
    return Caller.member(MembershipFactory(organization=webhook.organization))


def failed_ones(**values: Any) -> Choice:
    chosen: dict[str, Any] = {
        "start": CAME_IN_AT - SECOND,
        "end": CAME_IN_AT + SECOND,
        "states": ("failed",),
        "event_names": (),
        "missing": False,
        "asked_at": database_now(),
    }
    return Choice(**chosen | values)


def test_a_replay_keeps_what_was_chosen_by_whom_and_how_many_there_were(
    webhook: Webhook, alice: Caller
) -> None:
    for _ in range(3):
        ended(webhook=webhook)
    choice = failed_ones(event_names=("transactionAdded",), missing=True)
    replay = Replay.objects.get(pk=start(webhook, choice, alice).pk)
    assert Choice.of(replay) == choice
    assert (replay.total, replay.is_running) == (3, True)
    assert replay.requested_by == alice.actor
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("started replay", webhook.name)
    assert (entry.after["replay"], entry.after["deliveries"]) == (str(replay.pk), 3)


def test_one_that_has_nothing_to_do_has_ended(webhook: Webhook, alice: Caller) -> None:
    replay = start(webhook, failed_ones(), alice)
    assert (replay.total, replay.is_running) == (0, False)
    assert progress_of([replay])[0].state == "finished"


def test_while_one_is_being_made_there_is_no_other_to_the_same_webhook(
    webhook: Webhook, alice: Caller
) -> None:
    ended(webhook=webhook)
    first = start(webhook, failed_ones(), alice)
    with pytest.raises(ValidationError) as refused:
        start(webhook, failed_ones(), alice)
    assert refused.value.code == "replay_running"
    other = WebhookFactory(organization=webhook.organization)
    ended(webhook=other)
    assert start(other, failed_ones(), alice).is_running
    make_all(first)
    assert start(webhook, failed_ones(), alice)


@pytest.mark.parametrize("change", [{"deactivated_at": CAME_IN_AT}, {"deleted_at": CAME_IN_AT}])
def test_there_is_none_to_a_webhook_that_is_not_active(
    change: dict[str, Any], webhook: Webhook, alice: Caller
) -> None:
    Webhook.objects.update(**change)
    with pytest.raises(ValidationError) as refused:
        start(webhook, failed_ones(), alice)
    assert refused.value.code == "webhook_off"
    assert not Replay.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_start_one_at_once_one_does(webhook: Webhook, alice: Caller) -> None:
    ended(webhook=webhook)
    answers = at_once(4, lambda: start(webhook, failed_ones(), alice))
    assert sum(isinstance(answer, Replay) for answer in answers) == 1
    refused = [answer for answer in answers if isinstance(answer, ValidationError)]
    assert [error.code for error in refused] == ["replay_running"] * 3
    assert AuditEntry.objects.count() == 1


def test_to_cancel_is_to_make_nothing_more_and_to_cancel_what_waits(
    webhook: Webhook, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.replay.making.BATCH", 4)
    for _ in range(8):
        ended(webhook=webhook)
    tally.recount()
    replay = start(webhook, failed_ones(), alice)
    make_batch(replay.pk)
    ids = list(Delivery.objects.filter(replay=replay).values_list("pk", flat=True))
    Delivery.objects.filter(pk=ids[0]).update(state=State.IN_FLIGHT)
    Delivery.objects.filter(pk=ids[1]).update(state=State.RETRYING)
    assert cancel(replay, alice) == 3
    assert make_batch(replay.pk) == 0
    replay.refresh_from_db()
    (progress,) = progress_of([replay])
    assert (progress.state, progress.made, progress.cancelled) == ("cancelled", 4, 3)
    assert (progress.in_flight, progress.can_be_cancelled, progress.is_moving) == (1, False, True)
    assert_a_recount_finds_the_same()
    assert AuditEntry.objects.filter(action="cancelled replay").get().after["cancelled"] == 3


def test_one_that_is_over_stays_as_it_was(webhook: Webhook, alice: Caller) -> None:
    ended(webhook=webhook)
    replay = start(webhook, failed_ones(), alice)
    make_all(replay)
    Delivery.objects.filter(replay=replay).update(state=State.DELIVERED)
    assert cancel(replay, alice) == 0
    replay.refresh_from_db()
    assert replay.cancelled_at is None
    assert not AuditEntry.objects.filter(action="cancelled replay").exists()


def test_one_that_is_made_and_not_delivered_can_be_cancelled(
    webhook: Webhook, alice: Caller
) -> None:
    ended(webhook=webhook)
    replay = start(webhook, failed_ones(), alice)
    make_batch(replay.pk)
    make_batch(replay.pk)
    replay.refresh_from_db()
    assert progress_of([replay])[0].state == "delivering"
    assert cancel(replay, alice) == 1
    replay.refresh_from_db()
    assert progress_of([replay])[0].state == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_being_made_is_cancelled_or_not_made(
    webhook: Webhook, alice: Caller
) -> None:
    for _ in range(20):
        ended(webhook=webhook)
    replay = start(webhook, failed_ones(), alice)
    works = [lambda: make_batch(replay.pk), lambda: cancel(replay, alice)]
    at_once(2, lambda: works.pop()())
    assert not Delivery.objects.filter(replay=replay, state=State.PENDING).exists()
    assert not Replay.objects.running().exists()


def test_progress_tells_what_became_of_what_was_made(webhook: Webhook) -> None:
    replay = ReplayFactory(webhook=webhook, total=20, made=10)
    for state in State:
        ended(state, webhook=webhook, replay=replay, is_replay=True)
    other = ReplayFactory(webhook=webhook, total=1)
    (progress, none) = progress_of([replay, other])
    assert progress.replay == replay
    assert (progress.made, progress.delivered, progress.failed) == (9, 1, len(FAILED))
    assert (progress.waiting, progress.in_flight, progress.cancelled) == (2, 1, 1)
    assert (progress.unmade, progress.whole, progress.ended) == (11, 20, 6)
    assert (none.made, none.whole, none.state) == (0, 1, "running")
    assert replay.created_at - database_now() < dt.timedelta(minutes=1)
