import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from delivery.engine import retention
from delivery.engine.retention import clean_up, first_row_id
from delivery.intervals import HOUR, hour_of
from delivery.models import FINAL, OPEN, Attempt, Delivery, State, Tally
from events.models import Event, new_row_id
from tests.factories import DeliveryFactory, EventFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

NOW = timezone.now()


def row_id(days_ago: float) -> uuid.UUID:
    """As it was made then."""
    start = first_row_id(NOW - dt.timedelta(days=days_ago))
    return uuid.UUID(int=start.int | (new_row_id().int & ((1 << 62) - 1)))


def made(days_ago: float, state: State = State.DELIVERED) -> Delivery:
    event = EventFactory(id=row_id(days_ago))
    delivery: Delivery = DeliveryFactory(
        id=row_id(days_ago), event=event, webhook__organization=event.organization, state=state
    )
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=NOW,
        duration_ms=1.0,
        request_headers="[]",
        response_headers="[]",
        response_body="",
    )
    return delivery


def clean_up_all() -> int:
    total = 0
    while done := clean_up(NOW):
        total += done
    return total


def test_the_first_id_of_a_moment_divides_what_was_made_before_and_after() -> None:
    border = first_row_id(NOW)
    assert border.version == 7
    assert first_row_id(NOW - dt.timedelta(milliseconds=1)) < border
    assert new_row_id() > first_row_id(timezone.now() - dt.timedelta(seconds=1))
    assert new_row_id() < first_row_id(timezone.now() + dt.timedelta(seconds=1))


def test_what_is_older_than_the_retention_goes_with_its_attempts() -> None:
    old, young = made(30.01), made(29.99)
    assert clean_up_all() == 2
    assert list(Delivery.objects.all()) == [young]
    assert list(Event.objects.all()) == [young.event]
    assert list(Attempt.objects.values_list("delivery_id", flat=True)) == [young.pk]
    assert old.pk != young.pk


@pytest.mark.parametrize("state", OPEN)
def test_what_is_still_open_stays(state: State) -> None:
    made(40, state)
    assert clean_up_all() == 0
    assert Delivery.objects.count() == Event.objects.count() == Attempt.objects.count() == 1


@pytest.mark.parametrize("state", FINAL)
def test_every_end_is_forgotten(state: State) -> None:
    made(40, state)
    assert clean_up_all() == 2
    assert not Delivery.objects.exists()


def test_an_event_stays_while_a_later_replay_of_it_does() -> None:
    delivery = made(40)
    replay = DeliveryFactory(webhook=delivery.webhook, event=delivery.event, is_replay=True)
    assert clean_up_all() == 1
    assert list(Delivery.objects.all()) == [replay]
    assert Event.objects.exists()


def test_an_event_without_subscribers_is_forgotten_as_well() -> None:
    EventFactory(id=row_id(31))
    EventFactory(id=row_id(1))
    assert clean_up_all() == 1
    assert Event.objects.count() == 1


def test_the_retention_is_a_setting(settings: Any) -> None:
    settings.RETENTION_DAYS = 3
    made(4)
    assert clean_up_all() == 2


def test_each_pass_does_a_small_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    for _ in range(10):
        made(40)
    assert [clean_up(NOW) for _ in range(4)] == [8, 8, 4, 0]


def test_tallies_of_hours_that_are_too_old_as_a_whole_are_forgotten() -> None:
    webhook = WebhookFactory()
    oldest = hour_of(NOW - dt.timedelta(days=30))
    for hour in (oldest - HOUR, oldest, oldest + HOUR):
        Tally.objects.create(webhook=webhook, hour=hour, what="delivered", shard=0, count=1)
    assert clean_up_all() == 1
    assert sorted(Tally.objects.values_list("hour", flat=True)) == [oldest, oldest + HOUR]
