import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.utils import timezone

from delivery.alerts.operational import NAMES, examples, publish
from delivery.engine import health
from delivery.engine.sweep import Sweep
from delivery.models import Alert, AlertKind, Delivery, OperationalWebhook, State
from events.models import Event, EventType
from tests.conftest import CredentialClient, PageClient
from tests.delivery.alerts.conftest import alert_of
from tests.delivery.engine.conftest import at_once
from tests.factories import OrganizationFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def chosen(webhook: Webhook, **values: Any) -> Webhook:
    """Another one of its organisation, which gets operational events."""
    receiver: Webhook = WebhookFactory(organization=webhook.organization, **values)
    OperationalWebhook.objects.create(organization=webhook.organization, webhook=receiver)
    return receiver


@pytest.fixture
def webhook(db: None) -> Webhook:
    made: Webhook = WebhookFactory(name="Shop backend", url="https://u:hunter2@x.example/hunter2?h")
    return made


@pytest.mark.parametrize("kind", AlertKind)
def test_an_alert_becomes_an_event_for_the_chosen_webhook_alone(
    webhook: Webhook, kind: AlertKind
) -> None:
    receiver = chosen(webhook, sla_s=60)
    WebhookFactory(organization=webhook.organization)
    alert = alert_of(webhook, kind)
    assert publish() == 1
    alert.refresh_from_db()
    event, delivery = Event.objects.get(), Delivery.objects.get()
    assert (delivery.webhook, delivery.event, delivery.state) == (receiver, event, State.PENDING)
    assert delivery.sla_due_at == delivery.created_at + dt.timedelta(seconds=60)
    assert (alert.event, event.name, event.organization) == (
        event,
        NAMES[kind],
        receiver.organization,
    )
    body = json.loads(event.payload)
    assert list(body) == [
        *("eventName", "eventId", "orgId", "refId", "apiRequestId", "createdAt", "data"),
        "loyaltyEventId",
    ]
    assert (body["eventName"], body["orgId"]) == (NAMES[kind], webhook.organization.pk)
    assert uuid.UUID(body["eventId"]).version == 4
    assert body["data"] == {
        "webHookId": webhook.public_id,
        "name": "Shop backend",
        "consumerGroupId": str(webhook.consumer_group_id),
        "webHookUrl": "https://x.example/…",
        "reason": "50 attempts in a row failed.",
        "since": int(alert.since.timestamp() * 1000),
        "failures": 50,
        "lastStatus": 503,
        "lastError": "503 Service Unavailable",
        "page": f"http://127.0.0.1:8000/notifications/{webhook.public_id}",
    }
    assert "hunter2" not in event.payload


def test_published_is_published_once(webhook: Webhook) -> None:
    chosen(webhook)
    alert_of(webhook)
    assert [publish(), publish()] == [1, 0]
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_the_same_time_publish_once(webhook: Webhook) -> None:
    chosen(webhook)
    for _ in range(3):
        alert_of(webhook)
    assert sum(at_once(4, publish)) == 3
    assert Event.objects.count() == Delivery.objects.count() == 3


def test_nothing_about_a_webhook_goes_to_itself(webhook: Webhook) -> None:
    OperationalWebhook.objects.create(organization=webhook.organization, webhook=webhook)
    alert = alert_of(webhook)
    publish()
    alert.refresh_from_db()
    assert alert.published_at is not None
    assert (Event.objects.count(), Delivery.objects.count()) == (0, 0)


def test_failures_of_operational_events_make_no_further_ones(webhook: Webhook) -> None:
    """The alert about their receiver is for e-mail alone: it can not go round."""
    receiver = chosen(webhook)
    alert_of(webhook)
    publish()
    report = health.Report(verdicts=["outage"] * 60, counted=["outage"] * 60, last_status=503)
    for _ in range(3):
        health.record({receiver.pk: report})
        Sweep(str(uuid.uuid4()), lambda _: None).run()
        publish()
    assert Alert.objects.filter(webhook=receiver).count() == 1
    assert Event.objects.count() == 1


@pytest.mark.parametrize("state", ["none", "inactive", "deleted"])
def test_without_a_webhook_that_could_get_it_there_is_no_event(
    webhook: Webhook, state: str
) -> None:
    if state != "none":
        receiver = chosen(webhook)
        now = timezone.now()
        field = {"inactive": "deactivated_at", "deleted": "deleted_at"}[state]
        Webhook.objects.filter(pk=receiver.pk).update(**{field: now})
    alert_of(webhook)
    assert publish() == 1
    assert not Event.objects.exists()


def test_what_happens_in_one_organization_is_not_told_to_another(webhook: Webhook) -> None:
    other = WebhookFactory(organization=OrganizationFactory())
    OperationalWebhook.objects.create(organization=other.organization, webhook=other)
    parent = OrganizationFactory()
    above = WebhookFactory(organization=parent, listen_to_child_events=True)
    OperationalWebhook.objects.create(organization=parent, webhook=above)
    webhook.organization.parent = parent
    webhook.organization.save()
    alert_of(webhook)
    publish()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("name", [*NAMES.values(), "ens.anything", "ENS.webhook.failing"])
def test_the_names_can_not_be_used_by_producers(api: CredentialClient, name: str) -> None:
    EventType.objects.create(organization=api.organization, name=name)
    WebhookFactory(organization=api.organization, events=[name])
    answer = api.post("/v3/events", {"eventName": name, "data": {}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "eventName"
    of_queue = {
        "eventId": "1",
        "eventType": f"{api.organization.pk}_{name}",
        "timeStamp": 1,
        "attributes": {"data": {}},
    }
    assert api.post("/v3/events", of_queue).status_code == 400
    assert not Event.objects.exists()


def test_every_kind_has_an_example_that_is_an_event() -> None:
    shown = dict(examples())
    assert set(shown) == set(NAMES.values())
    for name, payload in shown.items():
        assert json.loads(payload)["eventName"] == name


def test_it_is_shown_in_the_feed_and_on_its_page(alice: PageClient) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    chosen(webhook)
    alert_of(webhook)
    publish()
    assert "ens.webhook.failing" in alice.get("/feed").content.decode()
    event = Event.objects.get()
    page = alice.get(f"/feed/{event.pk}")
    assert page.status_code == 200
    assert "Till credential" not in page.content.decode()
    delivery = alice.get(f"/deliveries/{Delivery.objects.get().pk}")
    assert delivery.status_code == 200
