import datetime as dt
import re

import pytest
from django.contrib.messages import get_messages
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from delivery.engine.sweep import cancel_of_deleted_webhooks
from delivery.models import Delivery, State
from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, WebhookFactory
from webhooks.models import Webhook

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

LIST = "/notifications"


@pytest.fixture
def webhook(alice: PageClient) -> Webhook:
    made: Webhook = WebhookFactory(organization=alice.organization, name="CRM")
    return made


def path(action: str, webhook: Webhook) -> str:
    return reverse(f"webhook-{action}", args=[webhook.public_id])


def act(client: Client, action: str, webhook: Webhook, back: str = "") -> tuple[str, str]:
    """Where the reader is sent, and what is said there last."""
    answer = client.post(path(action, webhook), {"back": back} if back else {})
    assert answer.status_code == 302, answer.content
    webhook.refresh_from_db()
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    return answer.headers["Location"], said[-1] if said else ""


def shown(client: Client, url: str = LIST) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def wait_for(webhook: Webhook, count: int) -> None:
    for _ in range(count):
        DeliveryFactory(webhook=webhook)


def let_undo_pass(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(
        undo_until=F("undo_until") - dt.timedelta(minutes=1)
    )


def test_deactivation_tells_what_is_held_and_activation_what_goes_on(
    alice: PageClient, webhook: Webhook
) -> None:
    wait_for(webhook, 2)
    assert act(alice, "deactivate", webhook) == (
        LIST,
        "“CRM” is inactive. 2 deliveries are held and go on if it is activated"
        " within 24 hours of the event.",
    )
    assert webhook.deactivated_at is not None
    assert act(alice, "activate", webhook) == (LIST, "“CRM” is active. 2 deliveries go on.")
    assert webhook.is_active
    assert webhook.revision == 3
    assert webhook.updated_by["name"] == "Alice"


def test_nothing_is_said_of_deliveries_where_none_waits(
    alice: PageClient, webhook: Webhook
) -> None:
    assert act(alice, "deactivate", webhook)[1] == "“CRM” is inactive."
    assert act(alice, "activate", webhook)[1] == "“CRM” is active."


def test_both_are_audited(alice: PageClient, webhook: Webhook) -> None:
    act(alice, "deactivate", webhook)
    act(alice, "activate", webhook)
    off, on = AuditEntry.objects.order_by("id")
    assert (off.before, off.after) == ({"active": True}, {"active": False})
    assert (on.before, on.after) == ({"active": False}, {"active": True})
    assert off.from_address == "127.0.0.1"


def test_an_activated_webhook_forgets_why_the_service_deactivated_it(
    alice: PageClient, webhook: Webhook
) -> None:
    webhook.deactivate("The receiver answered 410 Gone.")
    webhook.save()
    act(alice, "activate", webhook)
    assert webhook.deactivation_reason == ""


def test_who_is_late_is_told_that_it_was_done_already(alice: PageClient, webhook: Webhook) -> None:
    assert act(alice, "activate", webhook)[1] == "“CRM” was active already."
    act(alice, "deactivate", webhook)
    assert act(alice, "deactivate", webhook)[1] == "“CRM” was inactive already."
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("action", ["activate", "deactivate", "delete"])
def test_what_another_editor_deleted_meanwhile_is_told_and_no_error(
    alice: PageClient, webhook: Webhook, action: str
) -> None:
    act(alice, "delete", webhook)
    where, said = act(alice, action, webhook, back=path("detail", webhook))
    assert (where, said) == (LIST, "“CRM” was deleted meanwhile by Alice. Nothing was changed.")
    assert AuditEntry.objects.count() == 1


def test_to_ask_for_the_deletion_of_what_is_deleted_is_told_too(
    alice: PageClient, webhook: Webhook
) -> None:
    act(alice, "delete", webhook)
    answer = alice.get(path("delete", webhook))
    assert answer.headers["Location"] == LIST
    fragment = alice.get(path("delete", webhook), headers={"HX-Request": "true"})
    assert fragment.headers["HX-Redirect"] == LIST
    assert "“CRM” was deleted meanwhile" in shown(alice)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "<strong>No delivery is pending.</strong> New events"),
        (1, "<strong>1 delivery is pending.</strong> It will be cancelled. New events"),
        (2, "<strong>2 deliveries are pending.</strong> They will be cancelled. New events"),
    ],
)
def test_the_confirmation_names_the_webhook_and_what_becomes_of_its_deliveries(
    alice: PageClient, webhook: Webhook, count: int, said: str
) -> None:
    wait_for(webhook, count)
    DeliveryFactory(webhook=webhook, state=State.DELIVERED)
    html = shown(alice, path("delete", webhook))
    assert "<h1>Delete “CRM”?</h1>" in html
    assert "https://receiver.example.com/" in html
    assert " ".join(said.split()) in " ".join(html.split())
    assert "stays readable for 30 days" in html
    assert "undo this for 10 seconds" in html
    webhook.refresh_from_db()
    assert webhook.deleted_at is None


def test_with_scripts_the_confirmation_is_a_dialog(alice: PageClient, webhook: Webhook) -> None:
    html = alice.get(path("delete", webhook), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert "<dialog" in html
    assert "Delete “CRM”?" in html


def test_deletion_offers_an_undo_on_the_list(alice: PageClient, webhook: Webhook) -> None:
    wait_for(webhook, 2)
    where, said = act(alice, "delete", webhook, back="/notifications?status=active")
    assert (where, said) == ("/notifications?status=active", "")
    html = shown(alice, where)
    assert "“CRM” was deleted." in html
    assert path("restore", webhook) in html
    assert cancel_of_deleted_webhooks() == 0
    assert act(alice, "restore", webhook) == (LIST, "“CRM” is back. Nothing was lost.")
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.PENDING}
    assert "was deleted." not in shown(alice)
    assert "CRM" in shown(alice)
    actions = AuditEntry.objects.order_by("id").values_list("action", "object_name")
    assert list(actions) == [("deleted", "CRM"), ("restored", "CRM")]


def test_the_undo_is_offered_to_who_deleted_and_not_for_longer_than_it_works(
    alice: PageClient, bob_page: PageClient, webhook: Webhook
) -> None:
    act(alice, "delete", webhook)
    assert "was deleted." not in shown(bob_page)
    let_undo_pass(webhook)
    assert "was deleted." not in shown(alice)
    assert "deleted_webhooks" not in alice.session


def test_an_undo_that_comes_too_late_says_so(alice: PageClient, webhook: Webhook) -> None:
    act(alice, "delete", webhook)
    let_undo_pass(webhook)
    said = "It is too late to undo the deletion of “CRM”: that is possible for 10 seconds."
    assert act(alice, "restore", webhook)[1] == said
    assert webhook.deleted_at is not None
    cancel_of_deleted_webhooks()
    assert act(alice, "restore", webhook)[1] == said


def test_an_undo_that_was_done_already_says_so(alice: PageClient, webhook: Webhook) -> None:
    assert act(alice, "restore", webhook)[1] == "“CRM” is there; there was nothing to undo."


def test_an_undo_after_the_name_was_taken_says_so(alice: PageClient, webhook: Webhook) -> None:
    act(alice, "delete", webhook)
    WebhookFactory(name="CRM")
    said = "“CRM” can not come back: another webhook has its name now."
    assert act(alice, "restore", webhook)[1] == said
    assert webhook.deleted_at is not None


@pytest.mark.parametrize(
    ("back", "where"),
    [
        ("/notifications?q=crm", "/notifications?q=crm"),
        ("https://evil.example/", LIST),
        ("//evil.example/", LIST),
        ("/\\evil.example/", LIST),
        ("javascript:alert(1)", LIST),
        ("sign-out", LIST),
        ("nowhere", LIST),
        (" /feed", LIST),
    ],
)
def test_the_way_back_is_one_of_our_pages(
    alice: PageClient, webhook: Webhook, back: str, where: str
) -> None:
    assert act(alice, "deactivate", webhook, back=back)[0] == where


def test_a_deletion_on_the_webhooks_own_page_ends_at_the_list(
    alice: PageClient, webhook: Webhook
) -> None:
    own = path("detail", webhook)
    assert act(alice, "deactivate", webhook, back=own)[0] == own
    assert act(alice, "delete", webhook, back=own)[0] == LIST


def test_the_menu_sends_its_forms_with_the_token(alice: PageClient, webhook: Webhook) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice.user)
    for url in (LIST, path("delete", webhook)):
        html = shown(strict, url)
        forms = re.findall(r'<form[^>]* action="/notifications/.*?</form>', html, re.DOTALL)
        assert forms
        for form in forms:
            assert 'name="csrfmiddlewaretoken"' in form
            assert f'name="organization_id" value="{alice.organization.pk}"' in form
    assert strict.post(path("delete", webhook)).status_code == 403


@pytest.mark.parametrize("action", ["activate", "deactivate", "delete", "restore"])
def test_only_a_writer_of_the_organisation_can(
    webhook: Webhook, bob_page: PageClient, charlie_page: PageClient, action: str
) -> None:
    assert bob_page.post(path(action, webhook)).status_code == 403
    assert charlie_page.post(path(action, webhook)).status_code == 404
    assert bob_page.get(path("delete", webhook)).status_code == 403
    assert charlie_page.get(path("delete", webhook)).status_code == 404
    before = webhook.revision
    webhook.refresh_from_db()
    assert webhook.revision == before


def test_hostile_names_are_shown_and_not_run(alice: PageClient) -> None:
    webhook = WebhookFactory(
        organization=alice.organization, name="<script>x</script>", url="https://x.example/?<b>"
    )
    assert "<script>x" not in shown(alice, path("delete", webhook))
    act(alice, "delete", webhook)
    html = shown(alice)
    assert "<script>x" not in html
    assert "“&lt;script&gt;x&lt;/script&gt;” was deleted." in html


def test_a_late_deletion_does_not_offer_an_undo(alice: PageClient, webhook: Webhook) -> None:
    webhook.deleted_at = timezone.now()
    webhook.save()
    act(alice, "delete", webhook)
    assert "undo" not in shown(alice).lower()
