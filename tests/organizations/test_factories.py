import json

import pytest

from tests.conftest import CredentialClient
from tests.factories import DeliveryFactory, MembershipFactory, WebhookFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_delivery_is_made_within_one_organization() -> None:
    delivery = DeliveryFactory(event__data={"amount": 10})
    assert delivery.event.organization == delivery.webhook.organization
    assert json.loads(delivery.event.payload)["data"] == {"amount": 10}
    assert [s.event_name for s in delivery.webhook.subscriptions.all()] == ["transactionAdded"]


def test_a_webhook_is_subscribed_to_the_named_events() -> None:
    webhook = WebhookFactory(events=["customerAdded", "pointsIssued"])
    names = [s.event_name for s in webhook.subscriptions.all()]
    assert names == ["customerAdded", "pointsIssued"]


def test_a_member_signs_in_with_the_password_of_the_factory() -> None:
    assert MembershipFactory().user.check_password("correct horse battery staple")


def test_alice_and_bob_share_an_organization_and_charlie_does_not(
    api: CredentialClient, bob: CredentialClient, charlie: CredentialClient
) -> None:
    assert api.organization == bob.organization != charlie.organization
