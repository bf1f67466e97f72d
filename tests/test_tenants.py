"""What belongs to Alice does not exist for Charlie, whatever URL he tries."""

from typing import Any

import pytest
from django.core import serializers
from django.db import models
from django.test import Client

from delivery.models import Attempt, Delivery, Replay
from events.models import Event, EventType
from organizations.models import Credential
from tests.conftest import CredentialClient
from tests.endpoints import METHODS, Endpoint, api_endpoints, endpoints
from tests.factories import (
    DeliveryFactory,
    EventFactory,
    MembershipFactory,
    ReplayFactory,
    WebhookFactory,
)
from webhooks.models import Header, SigningSecret, Subscription, Webhook

pytestmark = pytest.mark.django_db

MARK = "only-for-alice"
OWNED = (Webhook, Header, Subscription, SigningSecret, Event, EventType, Delivery, Attempt, Replay)
WITH_PARAMETERS = [endpoint for endpoint in api_endpoints() if endpoint.parameters]
WITHOUT_PARAMETERS = [endpoint for endpoint in endpoints() if not endpoint.parameters]
BODY = {
    "name": "Charlie's",
    "eventName": "customerAdded",
    "eventNames": ["customerAdded"],
    "webHookUrl": "https://charlie.example.com/",
    "maxAllowedConnections": 1,
    "data": {},
}


@pytest.fixture
def ids(api: CredentialClient) -> dict[str, Any]:
    """Of Alice's objects, by the names that URLs have for them.

    A URL with another parameter fails the tests until it is added here.
    """
    organization = api.organization
    webhook = WebhookFactory(organization=organization, name=f"{MARK}-webhook")
    Header.objects.create(webhook=webhook, position=0, name="Authorization", value=MARK)
    SigningSecret.objects.create(webhook=webhook, secret=MARK)
    EventType.objects.create(
        organization=organization, name=f"{MARK}-type", schema={}, sample={"data": MARK}
    )
    event = EventFactory(
        organization=organization,
        event_id=f"{MARK}-event",
        ref_id=f"{MARK}-ref",
        request_id=f"{MARK}-request",
        search_key=MARK,
    )
    DeliveryFactory(webhook=webhook, event=event)
    replay = ReplayFactory(webhook=webhook, event_names=[f"{MARK}-type"])
    return {
        "public_id": webhook.public_id,
        "consumer_group_id": webhook.consumer_group_id,
        "event_name": f"{MARK}-type",
        "event_id": event.event_id,
        "ref_id": event.ref_id,
        "request_id": event.request_id,
        "replay_id": replay.pk,
    }


def rows() -> str:
    return rows_of(found())


def rows_of(some: list[models.Model]) -> str:
    return str(serializers.serialize("json", some))


def found() -> list[models.Model]:
    return [row for model in OWNED for row in model._default_manager.all()]


def query(ids: dict[str, Any]) -> str:
    """Alice's ids as parameters too, in the spelling of the API."""
    webhook = Webhook.objects.get(public_id=ids["public_id"])
    return (
        f"?consumerGroupId={webhook.consumer_group_id}&name={webhook.name}"
        f"&eventName={MARK}-type&requestId={MARK}-request&eventSearchKey={MARK}"
    )


@pytest.mark.parametrize("endpoint", WITH_PARAMETERS, ids=str)
def test_alice_reaches_what_is_hers(
    endpoint: Endpoint, api: CredentialClient, ids: dict[str, Any]
) -> None:
    is_for_changes_alone = endpoint.view is not None and not endpoint.is_shown
    expected = {404, 405} if is_for_changes_alone else {200}
    assert api.get(endpoint.url(ids)).status_code in expected


@pytest.mark.parametrize("endpoint", WITH_PARAMETERS, ids=str)
def test_what_is_another_tenants_is_not_there(
    endpoint: Endpoint, charlie: CredentialClient, ids: dict[str, Any]
) -> None:
    before = rows()
    url = endpoint.url(ids)
    nobodys = endpoint.url({**dict.fromkeys(ids, "nobody"), "public_id": "0" * 24})
    for method in METHODS:
        for wanted in (url, url + query(ids)):
            answer: Any = getattr(charlie, method.lower())(wanted, BODY)
            missing = getattr(charlie, method.lower())(nobodys, BODY)
            assert answer.status_code in {400, 404, 405}, (method, answer.content)
            # Not even how it is refused tells that there is something.
            assert (answer.status_code, answer.json()) == (missing.status_code, missing.json())
            if answer.status_code == 400:
                assert [error["code"] for error in answer.json()["errors"]] == [400]
    assert rows() == before


@pytest.mark.parametrize("endpoint", WITHOUT_PARAMETERS, ids=str)
def test_lists_and_pages_show_ones_own_only(
    endpoint: Endpoint, charlie: CredentialClient, ids: dict[str, Any]
) -> None:
    Webhook.objects.get().deactivate()
    client = Client()
    client.force_login(MembershipFactory(organization=charlie.organization).user)
    for asker in (charlie, client):
        for url in (endpoint.url({}), endpoint.url({}) + query(ids)):
            answer = asker.get(url)
            assert answer.status_code < 500
            shown = answer.content.decode().replace(query(ids).replace("&", "&amp;"), "")
            assert MARK not in shown, url


@pytest.mark.parametrize("endpoint", WITHOUT_PARAMETERS, ids=str)
def test_writing_reaches_ones_own_rows_only(
    endpoint: Endpoint, charlie: CredentialClient, ids: dict[str, Any]
) -> None:
    theirs = found()
    before = rows_of(theirs)
    body = BODY | {"orgId": Webhook.objects.get().organization_id, "webHookId": ids["public_id"]}
    for method in METHODS[1:]:
        getattr(charlie, method.lower())(endpoint.url({}), body)
    for row in theirs:
        row.refresh_from_db()
    assert rows_of(theirs) == before


@pytest.mark.parametrize("endpoint", api_endpoints(), ids=str)
def test_nothing_of_the_api_is_open_to_everybody_but_the_token(endpoint: Endpoint) -> None:
    url = endpoint.url(dict.fromkeys(endpoint.parameters, "x"))
    assert Credential.objects.count() == 0
    for method in METHODS:
        answer: Any = getattr(Client(), method.lower())(url, content_type="application/json")
        expected = {400, 405} if endpoint.name == "generate-token" else {401}
        assert answer.status_code in expected, (method, url)
