"""Where the key of what is encrypted is lost, everything else of a webhook can still be used."""

import copy
import pickle
from typing import Any

import pytest
from django.urls import reverse

from delivery.engine.targets import Targets
from organizations.encryption import Unreadable, encrypt
from tests.conftest import CredentialClient, PageClient
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Header, SigningSecret, Webhook
from webhooks.signing_secrets import new_signing_secret

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

OTHER_KEY = "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkhISE="
MASKED = "amqp://shop:••••@broker.example.com/orders"


@pytest.fixture
def lost(request: pytest.FixtureRequest, settings: Any) -> Webhook:
    """A queue's webhook of the client's organisation, whose secrets nobody can read."""
    name = "api" if "api" in request.fixturenames else "alice"
    webhook: Webhook = WebhookFactory(
        organization=request.getfixturevalue(name).organization,
        name="Shop",
        webhook_type="queue",
        url="amqp://shop@broker.example.com/orders",
        url_secret="shop:a password",
    )
    Header.objects.create(webhook=webhook, position=0, name="X-Shop", value="a token of a shop")
    SigningSecret.objects.create(webhook=webhook, secret=new_signing_secret())
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    return webhook


def path(webhook: Webhook) -> str:
    return f"/v3/webHooks/{webhook.public_id}"


def columns() -> list[Any]:
    """What is stored, as it is read."""
    secrets = Webhook.objects.values_list("url_secret", flat=True)
    return [*secrets, *Header.objects.values_list("value", flat=True)]


def test_a_webhook_is_shown_without_what_is_lost(api: CredentialClient, lost: Webhook) -> None:
    for answer in (api.get(path(lost)).json()["data"], api.get("/v3/webHooks").json()["data"][0]):
        assert answer["webHookUrl"] == MASKED
        assert answer["webHookHeaders"] == {"X-Shop": "••••"}


def test_what_is_lost_stays_stored_when_something_else_changes(
    api: CredentialClient, lost: Webhook, settings: Any
) -> None:
    shown = api.get(path(lost)).json()["data"]
    answer = api.put(
        path(lost),
        {
            **shown,
            "slaInSeconds": 5,
            "webHookHeaders": {**shown["webHookHeaders"], "X-More": "more"},
        },
    )
    assert answer.status_code == 200
    assert api.patch(path(lost), {"active": False}).status_code == 200
    settings.ENCRYPTION_KEYS = ["dGVzdHMgb25seSwgdGVzdHMgb25seSwgdGVzdHMhISE=", OTHER_KEY]
    assert columns() == ["shop:a password", "a token of a shop", "more"]


def test_what_is_lost_can_be_given_anew(api: CredentialClient, lost: Webhook) -> None:
    new = {
        "webHookUrl": "amqp://shop:new@broker.example.com/orders",
        "webHookHeaders": {"X-Shop": "another token"},
    }
    assert api.patch(path(lost), new).status_code == 200
    assert columns() == ["shop:new", "another token"]


def test_the_mask_stands_for_nothing_at_another_host(api: CredentialClient, lost: Webhook) -> None:
    answer = api.patch(path(lost), {"webHookUrl": MASKED.replace("broker", "other")})
    assert answer.status_code == 400


def test_nothing_is_sent_with_a_mask(api: CredentialClient, lost: Webhook) -> None:
    target = Targets(ask=lambda read: read()).get(lost.pk)
    assert target is not None
    assert target.destination is None
    answer = api.post(f"{path(lost)}/test", {"eventName": "transactionAdded"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, 51039)


def test_a_secret_that_is_lost_is_not_told(api: CredentialClient, lost: Webhook) -> None:
    answer = api.get(f"{path(lost)}/signingSecret")
    assert (answer.status_code, answer.json()["data"]["signingSecret"]) == (200, None)


@pytest.mark.parametrize("name", ["detail", "edit", "test", "replay"])
def test_its_pages_are_shown(name: str, alice: PageClient, lost: Webhook) -> None:
    DeliveryFactory(webhook=lost)
    answer = alice.get(reverse(f"webhook-{name}", args=[lost.public_id]))
    assert answer.status_code == 200
    assert "broker.example.com" in answer.content.decode() or name == "replay"


def test_pages_of_deliveries_and_lists_are_shown(alice: PageClient, lost: Webhook) -> None:
    delivery = DeliveryFactory(webhook=lost, event__organization=alice.organization)
    assert alice.get(reverse("delivery-detail", args=[delivery.pk])).status_code == 200
    assert alice.get(reverse("event-detail", args=[delivery.event_id])).status_code == 200
    assert alice.get(reverse("webhook-list")).status_code == 200


def test_a_copy_of_it_is_as_unreadable() -> None:
    token = encrypt("a secret")
    one = Unreadable(token)
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert isinstance(other, Unreadable)
        assert (other, other.token) == ("••••", token)
