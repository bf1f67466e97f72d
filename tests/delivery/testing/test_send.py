"""A test goes out at once and is kept, and nothing else of the service learns of it."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.exceptions import Throttled

from delivery import figures, metrics, tally
from delivery.engine import health, retention, sweep
from delivery.models import Alert, Attempt, Delivery, Health, State, Tally
from delivery.reasons import why_not_delivered
from delivery.testing import body as bodies
from delivery.testing import send as sending
from delivery.testing.send import A_MINUTE, AT_ONCE_FOR_ONE, NotSendable, SentTest, send_test
from delivery.transport.signing import sign
from events import frequency
from events.models import Event, EventTally
from organizations.authentication import Caller
from organizations.models import AuditEntry, Store, Till
from tests.factories import DeliveryFactory, MembershipFactory, WebhookFactory
from tests.receiver import Receiver
from webhooks.models import Header, SigningSecret, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(receiver: Receiver) -> Webhook:
    webhook = WebhookFactory(url=receiver.url())
    SigningSecret.objects.create(webhook=webhook, secret=SECRET)
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value="Bearer hunter2")
    return webhook


@pytest.fixture
def alice(webhook: Webhook) -> Caller:
    return Caller.member(MembershipFactory(organization=webhook.organization))


def send(webhook: Webhook, by: Caller, **body: Any) -> SentTest:
    item = bodies.checked(
        webhook.organization,
        body.get("name", "transactionAdded"),
        data=body.get("data"),
        event=body.get("event"),
        request_id="the-request",
    )
    return send_test(webhook, item, by)


def to(webhook: Webhook, receiver: Receiver, target: str, **changes: Any) -> Webhook:
    Webhook.objects.filter(pk=webhook.pk).update(url=receiver.url(target), **changes)
    webhook.refresh_from_db()
    return webhook


def test_what_is_signed_is_what_arrives(
    webhook: Webhook, alice: Caller, receiver: Receiver
) -> None:
    tested = send(webhook, alice)
    (request,) = receiver.requests
    event = tested.delivery.event
    assert request.body.decode() == tested.body == event.payload
    assert request.headers["authorization"] == "Bearer hunter2"
    timestamp = int(request.headers["webhook-timestamp"])
    assert request.headers["webhook-id"] == event.event_id
    signature = sign([SECRET], event.event_id, timestamp, request.body)
    assert request.headers["webhook-signature"] == signature


def test_it_is_kept_as_an_event_with_one_delivery_and_its_attempt(
    webhook: Webhook, alice: Caller
) -> None:
    tested = send(webhook, alice)
    event = Event.objects.get()
    assert event.is_test
    assert (event.organization, event.request_id) == (webhook.organization, "the-request")
    delivery = Delivery.objects.get(event=event)
    assert (delivery.webhook, delivery.state, delivery.attempts) == (webhook, "delivered", 1)
    assert delivery.finished_at is not None
    assert delivery.next_attempt_at is None
    attempt = Attempt.objects.get(delivery=delivery)
    assert (attempt.status, attempt.response_body, attempt.number) == (200, "ok", 1)
    assert dict(json.loads(attempt.request_headers))["Authorization"] == "Bear••••"
    assert tested.delivery == delivery


def test_who_sent_it_is_audited(webhook: Webhook, alice: Caller) -> None:
    tested = send(webhook, alice)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("test sent", webhook.public_id)
    assert entry.after == {
        "event_name": "transactionAdded",
        "event_id": tested.delivery.event.event_id,
    }


@pytest.mark.parametrize(
    ("target", "state", "status", "error"),
    [
        ("/status/204", State.DELIVERED, 204, ""),
        ("/status/302?location=http://127.0.0.1/", State.FAILED, 302, ""),
        ("/status/404", State.FAILED, 404, ""),
        ("/status/503", State.FAILED, 503, ""),
        ("/hang", State.FAILED, None, "timeout"),
        ("/drip-headers", State.FAILED, None, "timeout"),
        ("/continue-for-ever", State.FAILED, None, "timeout"),
        ("/reset", State.FAILED, None, "reset"),
        ("/garbage", State.FAILED, None, "invalid_response"),
        ("/reset-in-body", State.DELIVERED, 200, ""),
        ("/bomb", State.DELIVERED, 200, ""),
    ],
)
def test_whatever_the_receiver_does_it_ends_with_one_attempt(
    webhook: Webhook,
    alice: Caller,
    receiver: Receiver,
    target: str,
    state: State,
    status: int | None,
    error: str,
) -> None:
    tested = send(to(webhook, receiver, target, timeout_s=1), alice)
    assert (tested.delivery.state, tested.attempt.status, tested.attempt.error) == (
        state,
        status,
        error,
    )
    assert len(receiver.requests) == 1
    assert sweep.due_webhooks() == []


def test_no_test_goes_where_no_event_may(webhook: Webhook, alice: Caller) -> None:
    Webhook.objects.update(url="http://169.254.169.254/latest/meta-data")
    tested = send(webhook, alice)
    assert (tested.delivery.state, tested.attempt.error) == (State.BLOCKED, "forbidden_address")
    assert "not a public address" in tested.attempt.detail


def test_an_inactive_webhook_is_tested_too_and_one_at_rest(webhook: Webhook, alice: Caller) -> None:
    webhook.deactivate("The receiver answered 410 Gone.")
    webhook.save()
    Health.objects.create(
        webhook=webhook, failures=9, open_until=timezone.now() + dt.timedelta(minutes=5)
    )
    assert send(webhook, alice).delivery.state == State.DELIVERED


def test_a_type_need_not_be_subscribed(webhook: Webhook, alice: Caller) -> None:
    assert webhook.event_names == ["transactionAdded"]
    assert send(webhook, alice, name="cardUpdated").delivery.event.name == "cardUpdated"


def test_the_webhooks_enrichment_is_filled_in_before_it_is_signed(
    webhook: Webhook, alice: Caller, receiver: Receiver
) -> None:
    store = Store.objects.create(
        organization=webhook.organization, store_id=3, code="s3", name="Three"
    )
    Till.objects.create(
        organization=webhook.organization, till_id=7, code="t7", name="Seven", store=store
    )
    Webhook.objects.update(enrich_till=True)
    webhook.refresh_from_db()
    tested = send(webhook, alice, data={"enteredBy": {"id": 7}})
    (request,) = receiver.requests
    assert tested.body.encode() == request.body
    assert json.loads(request.body)["data"]["enteredBy"]["till"]["name"] == "Seven"
    assert "Seven" not in tested.delivery.event.payload
    timestamp = int(request.headers["webhook-timestamp"])
    signature = sign([SECRET], request.headers["webhook-id"], timestamp, request.body)
    assert request.headers["webhook-signature"] == signature


def test_each_test_is_a_new_event(webhook: Webhook, alice: Caller) -> None:
    body = {"eventId": "mine", "eventName": "transactionAdded", "data": {}}
    ids = {send(webhook, alice, event=body).delivery.event.event_id for _ in range(3)}
    assert len(ids) == 3
    assert "mine" not in ids


@pytest.mark.parametrize("target", ["/status/200", "/status/410", "/status/503", "/reset"])
def test_it_counts_nowhere(
    webhook: Webhook, alice: Caller, receiver: Receiver, target: str
) -> None:
    to(webhook, receiver, target)
    for _ in range(6):  # more failures in a row than open a circuit
        send(webhook, alice)
    now = timezone.now()
    sweep.mark_sla_breaches()
    frequency.advance(now + dt.timedelta(minutes=5))
    health.deactivate_those_failing_for(0)
    webhook.refresh_from_db()
    assert webhook.is_active
    assert (webhook.deactivation_reason, webhook.revision) == ("", 1)
    assert not Health.objects.exists()
    assert not Alert.objects.exists()
    assert not Tally.objects.exists()
    tally.recount()
    assert not Tally.objects.exists()
    assert not EventTally.objects.exists()
    assert frequency.counts(webhook.organization) == {}
    month_ago = now - dt.timedelta(days=30)
    assert metrics.of_webhook(webhook, month_ago, None).total == 0
    day = figures.last_day([webhook])[webhook.pk]
    assert (day.delivered, day.failed, day.sla_breaches, day.p95_ms) == (0, 0, 0, None)
    assert figures.of_period(webhook, 1, now, dt.UTC).total == 0
    assert Delivery.objects.filter(sla_breached_at=None).count() == 6


def test_a_test_that_fails_is_no_failing_of_the_last_days(
    webhook: Webhook, alice: Caller, receiver: Receiver
) -> None:
    """A webhook that failed long ago, and had nothing to deliver since, is not given up."""
    long_ago = timezone.now() - dt.timedelta(days=6)
    Health.objects.create(webhook=webhook, failures=3, failing_since=long_ago)
    send(to(webhook, receiver, "/status/503"), alice)
    assert health.deactivate_those_failing_for(5) == 0
    DeliveryFactory(webhook=webhook, state=State.RETRYING, attempts=2)
    assert health.deactivate_those_failing_for(5) == 1


def test_one_that_works_ends_no_outage(webhook: Webhook, alice: Caller) -> None:
    since = timezone.now() - dt.timedelta(days=1)
    Health.objects.create(webhook=webhook, failures=9, failing_since=since)
    send(webhook, alice)
    kept = Health.objects.get()
    assert (kept.failures, kept.failing_since, kept.last_success_at) == (9, since, None)


def test_it_is_forgotten_with_the_other_events(webhook: Webhook, alice: Caller) -> None:
    send(webhook, alice)
    retention.clean_up(timezone.now() + dt.timedelta(days=31))
    assert not Event.objects.exists()
    assert not Delivery.objects.exists()


def test_tests_have_a_limit_of_their_own_a_minute(
    webhook: Webhook, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "A_MINUTE", 2)
    send(webhook, alice)
    send(webhook, alice)
    with pytest.raises(Throttled) as refused:
        send(webhook, alice)
    assert refused.value.detail.startswith("At most 2 tests a minute.")  # type: ignore[union-attr]
    other = WebhookFactory(url=webhook.url)
    assert send(other, Caller.member(MembershipFactory(organization=other.organization)))
    assert Event.objects.count() == 3
    assert A_MINUTE == 30


@pytest.mark.django_db(transaction=True)
def test_hanging_receivers_hold_no_more_than_a_few_threads(
    webhook: Webhook, alice: Caller, receiver: Receiver
) -> None:
    to(webhook, receiver, "/hang", timeout_s=2)
    states: list[str] = []
    threads = [
        threading.Thread(target=_sent, args=(webhook, alice, states))
        for _ in range(AT_ONCE_FOR_ONE)
    ]
    for thread in threads:
        thread.start()
    receiver.wait_for(AT_ONCE_FOR_ONE)
    with pytest.raises(Throttled):
        send(webhook, alice)
    for thread in threads:
        thread.join()
    assert states == ["failed"] * AT_ONCE_FOR_ONE
    assert send(to(webhook, receiver, "/status/200"), alice).delivery.state == State.DELIVERED


def _sent(webhook: Webhook, by: Caller, states: list[str]) -> None:
    states.append(str(send(webhook, by).delivery.state))
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_while_it_waits_the_event_is_there_and_nothing_is_locked(
    webhook: Webhook, alice: Caller, receiver: Receiver
) -> None:
    to(webhook, receiver, "/status/200?delay=0.5")
    states: list[str] = []
    thread = threading.Thread(target=_sent, args=(webhook, alice, states))
    thread.start()
    receiver.wait_for(1)
    assert Event.objects.get().is_test
    assert Delivery.objects.get().state == State.IN_FLIGHT
    Webhook.objects.filter(pk=webhook.pk).update(name="Renamed meanwhile")
    thread.join()
    assert states == ["delivered"]


@pytest.mark.django_db(transaction=True)
def test_of_a_process_that_ended_meanwhile_the_test_is_set_aside_and_not_sent_again(
    webhook: Webhook, alice: Caller, receiver: Receiver
) -> None:
    to(webhook, receiver, "/status/200?delay=0.7")
    states: list[str] = []
    thread = threading.Thread(target=_sent, args=(webhook, alice, states))
    thread.start()
    receiver.wait_for(1)
    assert sweep.end_lost_leases() == 0
    Delivery.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert sweep.end_lost_leases() == 1
    lost = Delivery.objects.get()
    assert lost.state == State.QUARANTINED
    reason = why_not_delivered(lost)
    assert reason is not None
    assert reason.title == "Unknown: the service ended while it waited for the answer."
    assert sweep.due_webhooks() == []
    assert not Tally.objects.exists()
    thread.join()  # it had not ended after all
    lost.refresh_from_db()
    assert (states, lost.state) == (["delivered"], "delivered")


def test_a_webhook_whose_headers_nobody_can_read_says_so(
    webhook: Webhook, alice: Caller, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = ["b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkhISE="]
    with pytest.raises(NotSendable):
        send(webhook, alice)
    assert not Event.objects.exists()


def test_what_the_organization_does_not_know_is_no_test(webhook: Webhook, alice: Caller) -> None:
    with pytest.raises(Exception, match="No such event type"):
        send(webhook, alice, name="nothingOfTheKind")
