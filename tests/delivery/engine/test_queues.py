"""Deliveries to queues: the same states, replays, limits and logs as over HTTP."""

import datetime as dt
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis as redis_client
from django.db import connection
from django.urls import reverse
from standardwebhooks import Webhook as Verifier

from delivery import figures, tally
from delivery.engine.process import Engine
from delivery.models import Attempt, Delivery, Health, State, Tally
from organizations.redis import Door
from tests import rabbitmq
from tests.conftest import CredentialClient, PageClient
from tests.delivery.engine.conftest import EngineHouse, Finish, until
from tests.factories import DeliveryFactory, WebhookFactory
from tests.proxy import Proxy
from tests.rabbitmq import RabbitMq
from tests.sqs import Sqs
from webhooks import queue_password
from webhooks.models import Header, SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

VALKEY = urlsplit(os.environ["REDIS_URL"])


def queue_webhook(url: str, **values: Any) -> Any:
    """A webhook as it is stored: its URL without the password."""
    kept, secret = queue_password.separated(url)
    webhook = WebhookFactory(webhook_type="queue", url=kept, url_secret=secret, **values)
    SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
    return webhook


def with_rows(webhook: Webhook, count: int) -> list[str]:
    """So many due deliveries; their events' ids."""
    return [DeliveryFactory(webhook=webhook).event.event_id for _ in range(count)]


def states() -> set[str]:
    return set(Delivery.objects.values_list("state", flat=True))


def make_due() -> None:
    """Whatever waits is due, and no receiver is given a rest."""
    Delivery.objects.filter(state__in=(State.PENDING, State.RETRYING)).update(
        next_attempt_at="2000-01-01T00:00:00Z"
    )
    Health.objects.update(open_until=None, failures=0, closed_at=None)


def database_60() -> redis_client.Redis:
    assert VALKEY.port is not None
    return redis_client.Redis("127.0.0.1", VALKEY.port, 60, VALKEY.password)


@pytest.fixture
def stream() -> Iterator[str]:
    """Its URL's name; database 60 is no test's own."""
    name = f"events:{uuid.uuid4()}"
    yield name
    with database_60() as client:
        client.delete(name)


def stream_url(stream: str, port: int | None = None) -> str:
    return f"redis://:{VALKEY.password}@127.0.0.1:{port or VALKEY.port}/60/{stream}"


def entries(stream: str) -> list[dict[bytes, bytes]]:
    with database_60() as client:
        return [fields for _, fields in client.xrange(stream)]


@pytest.mark.both_databases
def test_an_event_goes_into_the_stream_and_is_logged_as_acknowledged(
    finish: Finish, stream: str
) -> None:
    webhook = queue_webhook(stream_url(stream))
    Header.objects.create(webhook=webhook, position=0, name="X-Shop", value="secret value")
    delivery = DeliveryFactory(webhook=webhook)
    finish(webhook.pk)
    delivery.refresh_from_db()
    attempt = Attempt.objects.get()
    (entry,) = entries(stream)
    headers = json.loads(entry[b"headers"])

    assert delivery.state == State.DELIVERED
    assert (delivery.last_status, delivery.last_error) == (None, "")
    assert (attempt.status, attempt.error) == (None, "")
    assert attempt.detail.startswith("entry ")
    assert attempt.address == f"127.0.0.1:{VALKEY.port}"
    assert "secret value" not in attempt.request_headers
    assert entry[b"body"].decode() == delivery.event.payload
    assert headers["X-Shop"] == "secret value"
    Verifier(webhook.signing_secrets.get().secret).verify(entry[b"body"], headers)
    assert Health.objects.get().last_success_at is not None


@pytest.mark.both_databases
def test_acknowledgements_are_tallied_as_such_now_and_when_counted_again(
    finish: Finish, stream: str
) -> None:
    webhook = queue_webhook(stream_url(stream))
    with_rows(webhook, 3)
    finish(webhook.pk)

    def tallied() -> dict[str, int]:
        rows = Tally.objects.filter(what__startswith="s").values_list("what", "count")
        return {what: sum(count for name, count in rows if name == what) for what, _ in rows}

    assert tallied() == {tally.ACKNOWLEDGED: 3}
    tally.recount()
    assert tallied() == {tally.ACKNOWLEDGED: 3}


def test_nothing_shows_a_status_that_there_was_not(
    finish: Finish, stream: str, alice: PageClient
) -> None:
    webhook = queue_webhook(stream_url(stream), organization=alice.organization)
    delivery = DeliveryFactory(webhook=webhook)
    finish(webhook.pk)
    attempt = Attempt.objects.get()
    page = alice.get(reverse("delivery-detail", args=[delivery.pk])).content.decode()
    assert "Attempt 1: acknowledged" in page
    assert attempt.detail in page
    detail = alice.get(reverse("webhook-detail", args=[webhook.public_id])).content.decode()
    assert "acknowledged" in detail
    event = alice.get(reverse("event-detail", args=[delivery.event.pk])).content.decode()
    assert "acknowledged" in event
    for text in (page, detail, event):
        assert str(VALKEY.password) not in text
    period = figures.of_period(webhook, 1, delivery.created_at, dt.UTC)
    assert period.statuses == [(figures.ACKNOWLEDGED, 1)]


def test_the_log_of_the_api_has_no_status_for_it(
    finish: Finish, stream: str, api: CredentialClient
) -> None:
    webhook = queue_webhook(stream_url(stream), organization=api.organization)
    (event_id,) = with_rows(webhook, 1)
    finish(webhook.pk)
    entry = api.get(f"/v3/webHooks/eventLog/{event_id}").json()["data"]
    assert entry["status"] == "delivered"
    assert entry["consumerResponse"]["webhookHttpStatus"] is None
    assert entry["consumerResponse"]["time_taken"] > 0
    assert entry["error"] is None


def test_a_queues_connections_are_as_many_as_the_webhook_allows(
    finish: Finish, stream: str
) -> None:
    assert VALKEY.port is not None
    with Proxy(VALKEY.port) as proxy:
        webhook = queue_webhook(stream_url(stream, proxy.port), max_connections=2)
        with_rows(webhook, 40)
        finish(webhook.pk)
        assert len(entries(stream)) == 40
        assert 1 <= proxy.connections <= 2


def test_a_broker_that_is_away_is_replayed_and_opens_the_circuit(finish: Finish) -> None:
    webhook = queue_webhook("redis://:pw@127.0.0.1:9/events")
    with_rows(webhook, 5)
    finish(webhook.pk)
    assert states() == {State.RETRYING}
    assert Health.objects.get().open_until is not None
    assert set(Attempt.objects.values_list("status", "error")) == {(None, "refused")}


@pytest.mark.both_databases
def test_refusals_are_tallied_apart_from_silence(finish: Finish) -> None:
    webhook = queue_webhook(f"redis://:wrong@127.0.0.1:{VALKEY.port}/events")
    with_rows(webhook, 2)
    finish(webhook.pk)
    assert set(Tally.objects.values_list("what", "count")) == {("failed", 2), (tally.REFUSED, 2)}
    tally.recount()
    assert set(Tally.objects.values_list("what", "count")) == {("failed", 2), (tally.REFUSED, 2)}


@pytest.mark.parametrize(
    ("url", "state", "error"),
    [
        (f"redis://:wrong@127.0.0.1:{VALKEY.port}/events", State.FAILED, "auth_refused"),
        ("redis://:wrong@10.1.2.3/events", State.BLOCKED, "forbidden_address"),
        ("amqp://10.1.2.3/orders", State.BLOCKED, "forbidden_address"),
        (
            "sqs://a:hunter2@10.1.2.3/1/q?region=eu-west-1",
            State.BLOCKED,
            "forbidden_address",
        ),
    ],
)
def test_what_is_refused_is_final(
    finish: Finish, alice: PageClient, url: str, state: State, error: str
) -> None:
    webhook = queue_webhook(url, organization=alice.organization)
    delivery = DeliveryFactory(webhook=webhook)
    finish(webhook.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (state, error)
    assert Health.objects.get().failures == 0
    page = alice.get(reverse("delivery-detail", args=[delivery.pk])).content.decode()
    assert "4xx" not in page
    assert "hunter2" not in page


def test_a_password_that_can_not_be_deciphered_holds_the_deliveries_of_that_webhook_alone(
    finish: Finish, stream: str
) -> None:
    bad, good = queue_webhook(stream_url(stream)), queue_webhook(stream_url(stream))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhooks_webhook SET url_secret = 'gAAAA-no-token' WHERE id = %s", [bad.pk]
        )
    with_rows(bad, 1)
    with_rows(good, 1)
    finish(bad.pk)
    finish(good.pk)
    assert Delivery.objects.get(webhook=bad).state == State.PENDING
    assert Delivery.objects.get(webhook=good).state == State.DELIVERED


def test_an_event_goes_to_sqs(finish: Finish) -> None:
    with Sqs() as queue:
        webhook = queue_webhook(queue.url())
        ids = with_rows(webhook, 3)
        finish(webhook.pk)
        sent = [message["MessageAttributes"]["webhook-id"] for message in queue.messages]
    assert sorted(each["StringValue"] for each in sent) == sorted(ids)
    assert states() == {State.DELIVERED}


@pytest.mark.skipif(rabbitmq.find_server() is None, reason=rabbitmq.MISSING)
def test_nothing_is_lost_when_the_broker_is_killed_while_it_is_sent_to(
    house: EngineHouse, redis: Door
) -> None:
    broker = rabbitmq.shared()
    webhook = queue_webhook(broker.url("?routing_key=killed"), max_connections=4)
    ids = with_rows(webhook, 150)
    broker.declare("killed")
    engine = house.new()
    drain = house.drain_soon(engine, webhook.pk)
    until(lambda: Delivery.objects.filter(state=State.DELIVERED).count() >= 20)
    broker.kill()
    drain.join(60)
    assert engine.settle(timeout_s=30)
    assert State.RETRYING in states()
    broker.start()
    deliver_all(engine, webhook)
    assert set(taken(broker, "killed")) == set(ids)


def deliver_all(engine: Engine, webhook: Webhook) -> None:
    """Replay what is not delivered, whatever it waits for."""

    def is_done() -> bool:
        make_due()
        engine._targets.refresh([webhook.pk])
        engine.drain(webhook.pk)
        assert engine.settle(timeout_s=30)
        return states() == {State.DELIVERED}

    until(is_done, timeout_s=60)


def taken(broker: RabbitMq, queue: str) -> list[str]:
    """The ids of the events in the queue, which is deleted."""
    ids = []
    with broker.channel() as channel:
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            ids.append(message.properties["message_id"])
        channel.queue_delete(queue)
    return ids
