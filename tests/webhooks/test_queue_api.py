"""Webhooks of type queue in the API: what is answered, kept, refused and audited."""

from typing import Any

import pytest
from django.db import connection

from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from webhooks.headers import MASK
from webhooks.models import Webhook

URL = "amqp://ens:s%40cret@mq.example.com/brand%2Fa/orders?routing_key=new"
SHOWN = f"amqp://ens:{MASK}@mq.example.com/brand%2Fa/orders?routing_key=new"
SQS = "sqs://AKIA:hunter2@sqs.eu-west-1.amazonaws.com/1/orders"


def body(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Orders",
        "eventNames": ["transactionAdded"],
        "webHookUrl": URL,
        "webHookType": "queue",
        "maxAllowedConnections": 5,
    } | fields


def codes(answer: Any) -> list[int]:
    assert answer.status_code == 400, answer.json()
    return [error["code"] for error in answer.json()["errors"]]


@pytest.fixture
def webhook(api: CredentialClient) -> Webhook:
    answer = api.post("/v3/webHooks", body(), format="json")
    assert answer.status_code == 200, answer.json()
    return Webhook.objects.get(public_id=answer.json()["data"]["webHookId"])


def put(api: CredentialClient, webhook: Webhook, **fields: Any) -> Any:
    return api.put(f"/v3/webHooks/{webhook.public_id}", body(**fields), format="json")


def patch(api: CredentialClient, webhook: Webhook, **fields: Any) -> Any:
    return api.patch(f"/v3/webHooks/{webhook.public_id}", fields, format="json")


@pytest.mark.both_databases
def test_the_password_is_kept_apart_and_answered_as_a_mask(
    api: CredentialClient, bob: CredentialClient, webhook: Webhook
) -> None:
    assert webhook.url == "amqp://ens@mq.example.com/brand%2Fa/orders?routing_key=new"
    assert webhook.url_secret == "ens:s%40cret"
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM webhooks_webhook")
        assert "cret" not in str(cursor.fetchall())
    for client in (api, bob):
        for path in ("/v3/webHooks", f"/v3/webHooks/{webhook.public_id}"):
            answer = client.get(path)
            assert "s%40cret" not in answer.content.decode()
            assert SHOWN in answer.content.decode()


def test_a_mask_sent_back_keeps_the_password(api: CredentialClient, webhook: Webhook) -> None:
    moved = SHOWN.replace("/orders", "/returns")
    for change in (put, patch):
        assert change(api, webhook, webHookUrl=moved).json()["data"]["webHookUrl"] == moved
        webhook.refresh_from_db()
        assert webhook.url_secret == "ens:s%40cret"
    assert patch(api, webhook, description="x").status_code == 200
    webhook.refresh_from_db()
    assert webhook.url_secret == "ens:s%40cret"


def test_another_password_takes_its_place_and_none_takes_it_away(
    api: CredentialClient, webhook: Webhook
) -> None:
    patch(api, webhook, webHookUrl=URL.replace("s%40cret", "other"))
    webhook.refresh_from_db()
    assert webhook.url_secret == "ens:other"
    patch(api, webhook, webHookUrl="amqp://mq.example.com/orders")
    webhook.refresh_from_db()
    assert (webhook.url, webhook.url_secret) == ("amqp://mq.example.com/orders", "")


@pytest.mark.parametrize(
    "url",
    [
        SHOWN.replace("mq.example.com", "evil.example.com"),
        SHOWN.replace("amqp:", "amqps:"),
        SHOWN.replace("ens:", "other:"),
    ],
)
def test_a_mask_does_not_lead_the_password_to_another_place(
    api: CredentialClient, webhook: Webhook, url: str
) -> None:
    assert codes(patch(api, webhook, webHookUrl=url)) == [51053]
    webhook.refresh_from_db()
    assert webhook.url_secret == "ens:s%40cret"


def test_another_organizations_password_stands_for_no_mask(
    charlie: CredentialClient, webhook: Webhook
) -> None:
    answer = charlie.post("/v3/webHooks", body(name="Mine", webHookUrl=SHOWN), format="json")
    assert codes(answer) == [51053]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"webHookUrl": "https://receiver.example.com/"}, 51052),
        ({"webHookUrl": "amqp://mq.example.com"}, 51052),
        ({"webHookUrl": SHOWN}, 51053),
        ({"webHookUrl": "amqp://127.0.0.1:22/orders"}, 51006),
        ({"webHookUrl": "redis://10.0.0.1/events"}, 51006),
        ({"webHookUrl": "redis://0x0a000001/events"}, 51006),
        ({"webHookUrl": "sqs://a:b@169.254.169.254/1/q?region=eu-west-1"}, 51006),
        ({"webHookUrl": "amqp://1.2.3.4.5/orders"}, 51005),
        (
            {"webHookUrl": SQS, "webHookHeaders": {f"X-{number}": "a" for number in range(7)}},
            51054,
        ),
    ],
)
def test_a_broken_rule_has_its_code(
    api: CredentialClient, fields: dict[str, Any], code: int
) -> None:
    assert codes(api.post("/v3/webHooks", body(**fields), format="json")) == [code]
    assert not Webhook.objects.exists()


def test_a_queues_url_is_none_of_type_http(api: CredentialClient) -> None:
    assert codes(api.post("/v3/webHooks", body(webHookType="HTTP"), format="json")) == [51005]


def test_the_audit_tells_of_a_password_and_not_which(
    api: CredentialClient, webhook: Webhook
) -> None:
    patch(api, webhook, webHookUrl=URL.replace("s%40cret", "other"))
    created, changed = AuditEntry.objects.order_by("id")
    assert changed.before == {"url_secret": MASK}
    assert changed.after == {"url_secret": MASK}
    assert "s%40cret" not in str(created.after)
    assert "cret" not in repr(webhook) + str(webhook)
