"""A deletion that can be undone: nothing is lost by the undo, all is cancelled without."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from delivery.engine.claim import claim
from delivery.engine.sweep import cancel_of_deleted_webhooks, due_webhooks
from delivery.intake import ingest
from delivery.models import Delivery, State
from organizations.authentication import Caller
from organizations.models import AuditEntry
from tests.conftest import CredentialClient
from tests.factories import CredentialFactory, DeliveryFactory, WebhookFactory
from webhooks.draft import delete, restore
from webhooks.models import KEPT_FOR, UNDO_FOR, Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def someone(webhook: Webhook) -> Caller:
    return Caller.with_credential(CredentialFactory(organization=webhook.organization))


def deleted(webhook: Webhook, **passed: float) -> Webhook:
    """Deleted so long ago that it may come back, or could have."""
    delete(webhook, someone(webhook), can_undo=True)
    webhook.refresh_from_db()
    let_pass(webhook, **passed)
    return webhook


def let_pass(webhook: Webhook, **passed: float) -> None:
    assert webhook.undo_until is not None
    webhook.undo_until -= dt.timedelta(**passed)
    webhook.save(update_fields=["undo_until"])


def arrive(webhook: Webhook) -> None:
    """An event that the webhook is subscribed to."""
    event = {"eventName": "transactionAdded", "data": {}, "createdAt": 1_700_000_000_000}
    ingest([event], organization=webhook.organization, request_id="req", received_from="till")


def states(webhook: Webhook) -> list[str]:
    return sorted(Delivery.objects.filter(webhook=webhook).values_list("state", flat=True))


def test_nothing_is_lost_by_an_undo() -> None:
    webhook = WebhookFactory()
    arrive(webhook)
    DeliveryFactory(webhook=webhook, state=State.RETRYING)
    deleted(webhook, seconds=11)
    arrive(webhook)
    assert cancel_of_deleted_webhooks() == 0
    assert due_webhooks() == []
    assert states(webhook) == ["pending", "pending", "retrying"]
    restore(webhook, someone(webhook))
    arrive(webhook)
    assert due_webhooks() == [webhook.pk]
    assert len(claim(webhook.pk, 10)) == 4


def test_without_an_undo_everything_is_cancelled_and_nothing_comes_any_more() -> None:
    webhook = deleted(WebhookFactory(), seconds=14)
    arrive(webhook)
    assert (cancel_of_deleted_webhooks(), states(webhook)) == (0, ["pending"])
    let_pass(webhook, seconds=2)
    arrive(webhook)
    assert (cancel_of_deleted_webhooks(), states(webhook)) == (1, ["cancelled"])
    webhook.refresh_from_db()
    assert webhook.undo_until is None


def test_it_can_not_come_back_at_the_very_end_while_events_are_still_kept() -> None:
    """An undo that is slow to be written must not have missed an event meanwhile."""
    webhook = deleted(WebhookFactory(), seconds=UNDO_FOR.total_seconds() + 0.5)
    assert UNDO_FOR < KEPT_FOR
    assert not Webhook.objects.restorable().exists()
    arrive(webhook)
    assert states(webhook) == ["pending"]


def test_ten_seconds_are_promised_and_kept() -> None:
    webhook = deleted(WebhookFactory(), seconds=10.5)
    assert Webhook.objects.restorable().get() == webhook


def test_a_sealed_deletion_stays() -> None:
    webhook = deleted(WebhookFactory(), seconds=16)
    assert Webhook.objects.all().seal_deletions() == 1
    assert Webhook.objects.all().seal_deletions() == 0
    webhook.refresh_from_db()
    assert webhook.undo_until is None
    assert not Webhook.objects.restorable().exists()


def test_an_inactive_webhook_gets_nothing_while_its_deletion_may_be_undone() -> None:
    webhook = deleted(WebhookFactory(deactivated_at=timezone.now()))
    arrive(webhook)
    assert states(webhook) == []
    restore(webhook, someone(webhook))
    webhook.refresh_from_db()
    assert not webhook.is_active


def test_the_name_is_free_meanwhile_and_whoever_took_it_keeps_it() -> None:
    webhook = deleted(WebhookFactory(name="CRM"))
    WebhookFactory(name="CRM")
    with pytest.raises(ValidationError) as refused:
        restore(webhook, someone(webhook))
    assert "name" in refused.value.error_dict
    webhook.refresh_from_db()
    assert webhook.deleted_at is not None
    assert webhook.undo_until is not None


def test_deletion_and_undo_are_both_in_the_audit_log() -> None:
    webhook = deleted(WebhookFactory(name="CRM"))
    restore(webhook, someone(webhook))
    gone, back = AuditEntry.objects.order_by("id")
    assert (gone.action, back.action) == ("deleted", "restored")
    assert gone.object_name == back.object_name == "CRM"
    assert gone.before == back.after != {}


def test_the_apis_deletion_is_immediate(api: CredentialClient) -> None:
    webhook = WebhookFactory(organization=api.organization)
    arrive(webhook)
    assert api.delete(f"/v3/webHooks/{webhook.public_id}").status_code == 200
    webhook.refresh_from_db()
    assert (webhook.deleted_at is None, webhook.undo_until) == (False, None)
    arrive(webhook)
    assert (cancel_of_deleted_webhooks(), states(webhook)) == (1, ["cancelled"])
