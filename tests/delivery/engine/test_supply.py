"""What a webhook gets when its payloads are enriched, from the claim to the receiver."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Verifier
from structlog.testing import capture_logs

from delivery.engine.claim import claim
from delivery.engine.supply import enrich_rows
from delivery.enrichment import lookups, payloads, rules
from delivery.enrichment.provider import Customer, Found, Till, Wanted
from delivery.enrichment.settings import Settings
from delivery.models import Delivery, State
from organizations.models import Organization
from tests.delivery.engine.conftest import EngineHouse, Finish, Gate, let_pass, until
from tests.delivery.engine.test_drain import change, sees_revision
from tests.delivery.enrichment import facts
from tests.delivery.enrichment.reference import load
from tests.factories import (
    DeliveryFactory,
    EventFactory,
    OrganizationFactory,
    WebhookFactory,
)
from tests.receiver import Receiver
from webhooks.models import SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

pytestmark = pytest.mark.both_databases

ALL = {
    "enrich_till": True,
    "enrich_store": True,
    "enrich_customer_sources": ["Instore", "WeChat"],
    "enrich_card_number": True,
    "enrich_awarded_reference": True,
    "enrich_points_balance": True,
}
DATA = {
    "enteredBy": {"id": facts.TILL_ID},
    "customerIdentifiers": {"customerId": facts.CUSTOMER_ID},
    "amount": 1.0,
}


def due(webhook: Webhook, organization: Organization | None = None, **event: Any) -> Delivery:
    values = {"organization": organization or webhook.organization, "data": DATA, **event}
    made: Delivery = DeliveryFactory(webhook=webhook, event=EventFactory(**values))
    return made


def sent_data(receiver: Receiver) -> list[Any]:
    return [json.loads(request.body)["data"] for request in receiver.requests]


def till_names(receiver: Receiver) -> list[str]:
    return [data["enteredBy"].get("till", {}).get("name") for data in sent_data(receiver)]


def test_a_receiver_gets_everything_that_was_chosen_and_can_verify_it(
    finish: Finish, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url(), **ALL)
    secret = SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret()).secret
    load(webhook.organization)
    identifiers = [{"key": "redemptionId", "value": "w1CZds"}]
    data = {**DATA, "triggeringActivity": {"identifiers": identifiers}}
    delivery = due(webhook, name="pointsRedeemed", data=data)
    before = delivery.event.payload
    finish(webhook.pk)
    (request,) = receiver.requests
    assert json.loads(request.body)["data"] == {
        "enteredBy": {
            "id": facts.TILL_ID,
            "till": facts.TILL_MEMBER,
            "store": facts.STORE_MEMBER,
        },
        "customerIdentifiers": {
            "customerId": facts.CUSTOMER_ID,
            "instore": {**facts.INSTORE_MEMBER, "cardNumbers": facts.CARDS},
            "wechat": facts.WECHAT_MEMBER,
        },
        "amount": 1.0,
        "triggeringActivity": {"identifiers": identifiers},
        "awardedReferenceId": "w1CZds",
        "AvailablePointsBalance": 1240.5,
    }
    Verifier(secret).verify(request.body, dict(request.headers.items()))
    assert "webhook-enrichment" not in request.headers
    delivery.event.refresh_from_db()
    assert delivery.event.payload == before


def test_a_webhook_that_chose_nothing_gets_what_came_in(finish: Finish, receiver: Receiver) -> None:
    webhook = WebhookFactory(url=receiver.url(), enrich_card_number=True)
    load(webhook.organization)
    delivery = due(webhook)
    finish(webhook.pk)
    assert receiver.requests[0].body == delivery.event.payload.encode()


def test_an_unknown_id_is_delivered_as_it_is(finish: Finish, receiver: Receiver) -> None:
    webhook = WebhookFactory(url=receiver.url(), **ALL)
    delivery = due(webhook)
    finish(webhook.pk)
    assert receiver.requests[0].body == delivery.event.payload.encode()
    assert "webhook-enrichment" not in receiver.requests[0].headers


def test_a_childs_event_is_enriched_from_the_childs_data(
    finish: Finish, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url(), enrich_till=True)
    child = OrganizationFactory(parent=webhook.organization)
    load(webhook.organization, name="The parent's")
    load(child, name="The child's")
    due(webhook)
    due(webhook, child)
    finish(webhook.pk)
    assert sorted(till_names(receiver)) == ["The child's", "The parent's"]


def test_a_retry_is_enriched_anew(finish: Finish, receiver: Receiver) -> None:
    webhook = WebhookFactory(url=receiver.url("/status/503"), enrich_customer_sources=["WeChat"])
    due(webhook)
    finish(webhook.pk)
    load(webhook.organization)
    let_pass(seconds=60)
    finish(webhook.pk)
    sources = [data["customerIdentifiers"].get("wechat") for data in sent_data(receiver)]
    assert sources == [None, facts.WECHAT_MEMBER]


def test_what_waits_gets_what_the_webhook_wishes_by_then(
    house: EngineHouse, receiver: Receiver, gate: Gate
) -> None:
    webhook = WebhookFactory(url=receiver.url(), max_connections=1, enrich_till=True)
    load(webhook.organization)
    for _ in range(4):
        due(webhook)
    engine = house.new()
    engine.start()
    drain = house.drain_soon(engine, webhook.pk)
    until(lambda: gate.inside == 1)
    until(lambda: Delivery.objects.filter(state=State.IN_FLIGHT).count() >= 1)
    change(webhook, enrich_till=False)
    until(lambda: sees_revision(engine, webhook, 2))
    gate.let_out()
    drain.join(20)
    engine.drain(webhook.pk)
    until(lambda: Delivery.objects.filter(state=State.DELIVERED).count() == 4)
    assert till_names(receiver)[1:] == [None, None, None]


def test_two_workers_send_each_event_once_and_enriched(
    house: EngineHouse, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url(), **ALL)
    load(webhook.organization)
    events = [EventFactory(organization=webhook.organization, data=DATA) for _ in range(150)]
    expires_at = timezone.now() + dt.timedelta(hours=24)
    Delivery.objects.bulk_create(
        Delivery(webhook=webhook, event=event, expires_at=expires_at) for event in events
    )
    drains = [house.drain_soon(house.new(), webhook.pk) for _ in range(2)]
    for drain in drains:
        drain.join(30)
    until(lambda: Delivery.objects.filter(state=State.DELIVERED).count() == 150)
    assert len(receiver.requests) == 150
    assert {request.headers["webhook-id"] for request in receiver.requests} == {
        event.event_id for event in events
    }
    assert set(till_names(receiver)) == {facts.TILL.name}


def test_without_redis_payloads_are_enriched_too(
    house: EngineHouse, no_redis: Any, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url(), enrich_till=True)
    load(webhook.organization)
    due(webhook)
    house.new(no_redis).drain(webhook.pk)
    until(lambda: Delivery.objects.filter(state=State.DELIVERED).count() == 1)
    assert till_names(receiver) == [facts.TILL.name]


# --- a source of enrichment that is not well


class Hanging:
    go = threading.Event()
    asked = 0

    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        Hanging.asked += 1
        Hanging.go.wait(30)
        return Found({facts.TILL_ID: facts.TILL})


class Raising:
    def look_up(self, organization_id: int, wanted: Wanted) -> Found:
        raise ConnectionError("elsewhere is away")


class Absurd:
    """Answers what the interface does not allow."""

    def look_up(self, organization_id: int, wanted: Wanted) -> Any:
        return Found({facts.TILL_ID: Till(facts.TILL_ID, object())})  # type: ignore[arg-type]


@pytest.fixture
def hanging(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hanging]]:
    settings.ENRICHMENT_PROVIDER = f"{__name__}.Hanging"
    monkeypatch.setattr(lookups, "LOOKUP_S", 0.2)
    Hanging.go.clear()
    Hanging.asked = 0
    yield Hanging
    Hanging.go.set()


def test_one_that_hangs_loses_nothing_and_holds_nothing_up(
    hanging: type[Hanging], house: EngineHouse, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url(), **ALL)
    deliveries = [due(webhook) for _ in range(3)]
    engine = house.new()
    with capture_logs() as logs:
        engine.drain(webhook.pk)
        assert engine.settle(timeout_s=20)
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 3
    assert {request.body for request in receiver.requests} == {
        delivery.event.payload.encode() for delivery in deliveries
    }
    assert {r.headers["webhook-enrichment"] for r in receiver.requests} == {"unavailable"}
    assert any(entry["event"] == "enrichment_unavailable" for entry in logs)
    logged = deliveries[0].attempt_log.get().request_headers
    assert ["webhook-enrichment", "unavailable"] in json.loads(logged)


def test_one_that_hangs_holds_up_no_webhook_that_does_not_enrich(
    hanging: type[Hanging], house: EngineHouse, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "LOOKUP_S", 20.0)
    enriching = WebhookFactory(url=receiver.url("/status/202"), **ALL)
    due(enriching)
    plain = WebhookFactory(url=receiver.url("/status/200"))
    due(plain)
    engine = house.new()
    waiting = house.drain_soon(engine, enriching.pk)
    until(lambda: hanging.asked)
    engine.drain(plain.pk)
    until(lambda: Delivery.objects.filter(webhook=plain, state=State.DELIVERED).exists())
    assert [request.path for request in receiver.requests] == ["/status/200"]
    hanging.go.set()
    waiting.join(20)


@pytest.mark.parametrize("provider", ["Raising", "Absurd"])
def test_one_that_is_broken_loses_nothing(
    provider: str, house: EngineHouse, receiver: Receiver, settings: Any
) -> None:
    settings.ENRICHMENT_PROVIDER = f"{__name__}.{provider}"
    webhook = WebhookFactory(url=receiver.url(), **ALL)
    delivery = due(webhook)
    engine = house.new()
    engine.drain(webhook.pk)
    assert engine.settle(timeout_s=20)
    (request,) = receiver.requests
    assert request.body == delivery.event.payload.encode()
    assert request.headers["webhook-enrichment"] == "unavailable"


# --- a batch


class Counting:
    """Counts how often it is asked, and for what."""

    def __init__(self) -> None:
        self.questions: list[tuple[int, Wanted]] = []

    def __call__(self, organization_id: int, wanted: Wanted) -> Found:
        self.questions.append((organization_id, wanted))
        return Found({facts.TILL_ID: facts.TILL}, {facts.CUSTOMER_ID: Customer()})


@pytest.mark.django_db
def test_a_claim_asks_once_for_each_organization() -> None:
    webhook = WebhookFactory()
    child = OrganizationFactory(parent=webhook.organization)
    for number in range(10):
        due(webhook, child if number % 3 == 0 else None)
    rows = claim(webhook.pk, 50)
    look_up = Counting()
    enrich_rows(rows, Settings(till=True, sources=("instore",)), look_up)
    assert all(facts.TILL.name in row.payload for row in rows)
    assert sorted(asked for asked, _ in look_up.questions) == [webhook.organization_id, child.pk]


@pytest.mark.django_db
def test_large_payloads_are_read_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "BATCH_CHARACTERS", 1_000)
    webhook = WebhookFactory()
    for _ in range(6):
        due(webhook, data={**DATA, "long": "x" * 600})
    look_up = Counting()
    rows = claim(webhook.pk, 50)
    enrich_rows(rows, Settings(till=True), look_up)
    assert len(look_up.questions) == 3
    assert all(facts.TILL.name in row.payload for row in rows)


@pytest.mark.django_db
def test_a_payload_that_would_grow_too_large_is_sent_as_it_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "MOST_PLACES", 2)
    webhook = WebhookFactory()
    due(webhook, data={"items": [DATA, DATA, DATA]})
    due(webhook, data={"items": [DATA]})
    rows = claim(webhook.pk, 5)
    enrich_rows(rows, Settings(till=True), Counting())
    assert sorted(row.missed for row in rows) == ["", "too-large"]
    assert [facts.TILL.name in row.payload for row in rows] == [row.missed == "" for row in rows]


@pytest.mark.django_db
def test_a_claim_of_a_plain_webhook_carries_no_settings() -> None:
    webhook = WebhookFactory()
    delivery = due(webhook)
    (row,) = claim(webhook.pk, 1)
    assert (row.enriched_for, row.missed) == (None, "")
    assert row.organization_id == webhook.organization_id
    assert row.payload == delivery.event.payload
