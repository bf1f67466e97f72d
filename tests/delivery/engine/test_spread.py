import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from delivery.engine import spread
from delivery.engine.spread import SPREAD_S, spread_after_recovery
from delivery.models import Delivery, Health, State
from tests.factories import DeliveryFactory, WebhookFactory

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def ahead(seconds: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=seconds)


def recovered(**health: Any) -> Any:
    webhook = WebhookFactory()
    Health.objects.create(webhook=webhook, **{"spread_from": timezone.now(), **health})
    return webhook


def waiting(webhook: Any, seconds: float, **values: Any) -> Delivery:
    """A replay that is due in so many seconds."""
    delivery: Delivery = DeliveryFactory(
        webhook=webhook, **{"state": State.RETRYING, "next_attempt_at": ahead(seconds), **values}
    )
    return delivery


def test_waiting_replays_are_spread_over_the_next_minute() -> None:
    webhook = recovered()
    for seconds in (-3600, -60, 300, 900) * 30:
        waiting(webhook, seconds)
    assert spread_after_recovery() == 120
    moments: list[Any] = list(
        Delivery.objects.order_by("next_attempt_at").values_list("next_attempt_at", flat=True)
    )
    assert ahead(-5) < moments[0]
    assert moments[-1] < ahead(SPREAD_S)
    assert len(set(moments)) == 60
    assert Health.objects.get().spread_from is None


def test_what_comes_within_the_minute_anyhow_stays_where_it_is() -> None:
    delivery = waiting(recovered(), 30)
    assert spread_after_recovery() == 0
    assert Delivery.objects.get().next_attempt_at == delivery.next_attempt_at


def test_first_attempts_other_webhooks_and_ends_are_left_alone() -> None:
    webhook = recovered()
    waiting(webhook, 900, state=State.PENDING)
    waiting(webhook, 900, state=State.DELIVERED)
    waiting(WebhookFactory(), 900)
    waiting(recovered(spread_from=None), 900)
    waiting(recovered(open_until=ahead(10)), 900)
    before = list(Delivery.objects.order_by("pk").values())
    assert spread_after_recovery() == 0
    assert list(Delivery.objects.order_by("pk").values()) == before


def test_a_replay_is_not_spread_beyond_its_end() -> None:
    webhook = recovered()
    for _ in range(20):
        waiting(webhook, -60, expires_at=ahead(10))
    assert spread_after_recovery() == 20
    for delivery in Delivery.objects.all():
        assert delivery.next_attempt_at is not None
        assert delivery.next_attempt_at < delivery.expires_at


def test_what_one_pass_does_not_reach_follows_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spread, "BATCH", 10)
    webhook = recovered()
    for _ in range(25):
        waiting(webhook, 900)
    for _ in range(4):
        spread_after_recovery()
    assert Health.objects.get().spread_from is None
    assert not Delivery.objects.filter(next_attempt_at__gt=ahead(SPREAD_S)).exists()
