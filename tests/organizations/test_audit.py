from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from organizations.audit import record
from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.factories import CredentialFactory, WebhookFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def caller() -> Caller:
    return Caller.with_credential(CredentialFactory())


def entry(before: dict[str, Any] | None, after: dict[str, Any] | None) -> AuditEntry:
    made = record(caller(), action="update", obj=WebhookFactory(), before=before, after=after)
    return AuditEntry.objects.get(pk=made.pk)


def test_an_entry_tells_who_did_what_to_which_object() -> None:
    by, webhook = caller(), WebhookFactory(name="Orders")
    made = record(by, action="create", obj=webhook, after={"name": "Orders"})
    assert made.organization == by.organization
    assert made.actor == by.actor
    assert (made.action, made.object_type, made.object_name) == ("create", "webhook", "Orders")
    assert made.object_id == webhook.public_id
    assert made.before == {}
    assert made.after == {"name": "Orders"}


def test_a_request_adds_its_address() -> None:
    request = Request(RequestFactory(REMOTE_ADDR="192.0.2.1").get("/"))
    request.user = caller()  # type: ignore[assignment]  # as authentication does
    made = record(request, action="delete", obj=WebhookFactory())
    assert made.from_address == "192.0.2.1"


def test_only_what_differs_is_kept() -> None:
    changed = entry({"name": "a", "active": True, "url": None}, {"name": "b", "active": True})
    assert (changed.before, changed.after) == ({"name": "a"}, {"name": "b"})


def test_times_become_text() -> None:
    assert entry(None, {"at": datetime(2020, 1, 1, tzinfo=UTC)}).after == {
        "at": "2020-01-01T00:00:00Z"
    }


def test_secrets_are_masked_and_still_seen_to_change() -> None:
    changed = entry(
        {"webHookHeaders": {"Authorization": "Bearer a"}, "signingSecret": "whsec_a"},
        {"webHookHeaders": {"Authorization": "Bearer b"}, "signingSecret": None},
    )
    assert changed.before == {
        "webHookHeaders": {"Authorization": "••••"},
        "signingSecret": "••••",
    }
    assert changed.after == {"webHookHeaders": {"Authorization": "••••"}, "signingSecret": None}


def test_secrets_inside_and_in_urls_are_masked() -> None:
    changed = entry(
        None,
        {
            "list": [{"password": "x", "name": "n"}],
            "webHookUrl": "https://user:password@receiver.example.com/",
        },
    )
    assert changed.after == {
        "list": [{"password": "••••", "name": "n"}],
        "webHookUrl": "https://••••@receiver.example.com/",
    }
