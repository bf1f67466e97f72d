from typing import Any

import pytest

from delivery.models import Delivery, State
from tests.factories import DeliveryFactory, WebhookFactory
from tests.receiver import Receiver

pytestmark = pytest.mark.both_databases


def test_a_due_row_is_sent_and_recorded(finish: Any, receiver: Receiver) -> None:
    webhook = WebhookFactory(url=receiver.url())
    delivery = DeliveryFactory(webhook=webhook)
    finish(webhook.pk)
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED
    assert delivery.attempts == 1
    attempt = delivery.attempt_log.get()
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, "")
    assert len(receiver.requests) == 1
    assert receiver.requests[0].body == delivery.event.payload.encode()


def test_many_rows_are_each_sent_once(finish: Any, receiver: Receiver) -> None:
    webhook = WebhookFactory(url=receiver.url())
    DeliveryFactory.create_batch(300, webhook=webhook)
    finish(webhook.pk)
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 300
    assert len(receiver.requests) == 300
