"""The signing secret by the API."""

import datetime as dt
from typing import Any

import pytest
import structlog
from django.utils import timezone

from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from tests.factories import WebhookFactory
from webhooks import rotation
from webhooks.models import SigningSecret, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture
def webhook(api: CredentialClient) -> Webhook:
    webhook = WebhookFactory(organization=api.organization)
    SigningSecret.objects.create(webhook=webhook, secret=SECRET)
    return webhook


def path(webhook: Webhook, rest: str = "") -> str:
    return f"/v3/webHooks/{webhook.public_id}/signingSecret{rest}"


def rotated(client: CredentialClient, webhook: Webhook, body: Any = None) -> Any:
    return client.post(path(webhook, "/rotate"), body, format="json")


def test_who_may_write_sees_it_and_is_audited(api: CredentialClient, webhook: Webhook) -> None:
    answer = api.get(path(webhook))
    data = answer.json()["data"]
    assert data == {
        "signingSecret": SECRET,
        "createdOn": data["createdOn"],
        "olderSecretsSignUntil": [],
    }
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("secret shown", webhook.public_id)
    assert SECRET not in f"{entry.before} {entry.after}"


def test_a_rotation_lets_the_old_one_sign_for_a_day(
    api: CredentialClient, webhook: Webhook
) -> None:
    answer = rotated(api, webhook)
    assert answer.status_code == 200, answer.content
    data = answer.json()["data"]
    new, old = rotation.signing(webhook)
    assert data["signingSecret"] == new.secret != SECRET == old.secret
    assert old.expires_at is not None
    assert dt.timedelta(hours=23, minutes=59) < old.expires_at - timezone.now()
    assert old.expires_at - timezone.now() <= dt.timedelta(hours=24)
    assert len(data["olderSecretsSignUntil"]) == 1
    assert api.get(path(webhook)).json()["data"] == data
    webhook.refresh_from_db()
    assert webhook.revision == 2
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["secret rotated", "secret shown"]
    kept = str(list(AuditEntry.objects.values("before", "after")))
    assert new.secret not in kept


@pytest.mark.parametrize(("hours", "signing"), [(0, 1), (1, 2), (168, 2), (24.0, 2)])
def test_the_overlap_is_ones_own_choice(
    api: CredentialClient, webhook: Webhook, hours: float, signing: int
) -> None:
    assert rotated(api, webhook, {"overlapInHours": hours}).status_code == 200
    secrets = rotation.signing(webhook)
    assert len(secrets) == signing
    if signing == 2:
        assert secrets[1].expires_at is not None
        left = secrets[1].expires_at - timezone.now()
        assert dt.timedelta(hours=hours, minutes=-1) < left <= dt.timedelta(hours=hours)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"overlapInHours": -1}, 51067, "overlapInHours"),
        ({"overlapInHours": 169}, 51066, "overlapInHours"),
        ({"overlapInHours": 10**400 - 1}, 51066, "overlapInHours"),
        ({"overlapInHours": 1e308}, 51066, "overlapInHours"),
        ({"overlapInHours": 1.5}, 51063, "overlapInHours"),
        ({"overlapInHours": "24"}, 51063, "overlapInHours"),
        ({"overlapInHours": True}, 51063, "overlapInHours"),
        ({"overlapInHours": None}, 51061, "overlapInHours"),
        ({"overlapInHours": [24]}, 51063, "overlapInHours"),
        ([], 51063, None),
        ("24", 51063, None),
    ],
)
def test_what_is_no_overlap_rotates_nothing(
    api: CredentialClient, webhook: Webhook, body: Any, code: int, field: str | None
) -> None:
    answer = rotated(api, webhook, body)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["code"], error["field"]) == (code, field)
    assert [secret.secret for secret in rotation.signing(webhook)] == [SECRET]
    assert not AuditEntry.objects.exists()


def test_an_unknown_field_is_named(api: CredentialClient, webhook: Webhook) -> None:
    (warning,) = rotated(api, webhook, {"overlap": 0}).json()["warnings"]
    assert warning == {"code": 51096, "message": "Unknown fields were ignored: overlap."}


def test_readers_and_others_see_and_rotate_nothing(
    bob: CredentialClient, charlie: CredentialClient, webhook: Webhook
) -> None:
    assert bob.get(path(webhook)).status_code == 403
    assert rotated(bob, webhook).status_code == 403
    for answer in (charlie.get(path(webhook)), rotated(charlie, webhook)):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, 400)
    assert SigningSecret.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_no_answer_but_this_one_and_no_log_line_holds_it(
    api: CredentialClient, webhook: Webhook
) -> None:
    with structlog.testing.capture_logs() as lines:
        new = rotated(api, webhook).json()["data"]["signingSecret"]
        api.get(path(webhook))
    assert new not in str(lines)
    for place in (f"/v3/webHooks/{webhook.public_id}", "/v3/webHooks"):
        shown = api.get(place).content.decode()
        assert "whsec_" not in shown


def test_a_rotation_mends_a_secret_whose_key_is_lost(
    api: CredentialClient, webhook: Webhook, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = ["b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkhISE="]
    answer = rotated(api, webhook, {"overlapInHours": 0})
    assert answer.status_code == 200
    assert api.get(path(webhook)).json()["data"] == answer.json()["data"]


def test_a_webhook_without_a_secret_has_none_to_show(
    api: CredentialClient, webhook: Webhook
) -> None:
    SigningSecret.objects.all().delete()
    assert api.get(path(webhook)).json()["data"] == {
        "signingSecret": None,
        "createdOn": None,
        "olderSecretsSignUntil": [],
    }
    assert rotated(api, webhook).json()["data"]["signingSecret"].startswith("whsec_")
