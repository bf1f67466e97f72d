"""Who changed what is kept, whichever page it was: generated from the URLs."""

from typing import Any

import pytest
from django.test import Client

from events.models import EventType
from organizations.models import AuditEntry, Invitation, Membership
from tests.conftest import PageClient
from tests.endpoints import Endpoint, page_endpoints
from tests.page_forms import (
    NEW_PASSWORD,
    SECRETS,
    Ids,
    filled,
    invitation_to,
    objects_of,
    takes_forms,
)
from webhooks.models import SigningSecret, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# They change nothing that is the organisation's: sessions, and what is told of a form's fields.
WITHOUT_TRACE = {
    *("sign-in", "sign-out", "choose-organization", "webhook-url-check"),
    *("webhook-enrichment-preview", "webhook-filter-preview", "event-type-check"),
}
ANONYMOUS = {"sign-in", "invitation-accept"}
PAGES = [
    page
    for page in page_endpoints()
    if takes_forms(page) and page.name not in WITHOUT_TRACE | ANONYMOUS
]
ADDRESS = "203.0.113.9"


@pytest.fixture
def ids(alice: PageClient) -> Ids:
    return objects_of(alice.organization)


def prepare(page: Endpoint, ids: Ids) -> None:
    """Make it so that there is something to do."""
    webhook = Webhook.objects.get(public_id=ids["public_id"])
    if page.name == "webhook-activate":
        webhook.deactivate()
        webhook.save()
    if page.name == "webhook-restore":
        client = PageClient(Membership.objects.filter(organization=webhook.organization)[0])
        client.post(f"/notifications/{webhook.public_id}/delete")


def entries(client: PageClient) -> Any:
    own = AuditEntry.objects.filter(organization=client.organization)
    return own.filter(actor_code=client.user.username, from_address=ADDRESS)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_a_page_does_is_kept_with_who_and_from_where(
    page: Endpoint, alice: PageClient, ids: Ids
) -> None:
    prepare(page, ids)
    fields = filled(page, alice, ids)
    answer = alice.post(page.url(ids), fields, REMOTE_ADDR=ADDRESS)
    assert answer.status_code in {200, 302}
    (entry,) = entries(alice)
    kept = f"{entry.before} {entry.after} {entry.object_name}"
    for secret in (*SECRETS.values(), NEW_PASSWORD, "hunter2"):
        assert secret not in kept
    newest = SigningSecret.objects.latest("id").secret
    assert newest not in kept


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_a_page_refuses_leaves_no_trace(
    page: Endpoint, bob_page: PageClient, alice: PageClient, ids: Ids
) -> None:
    prepare(page, ids)
    fields = filled(page, alice, ids)
    alice.post(page.url(ids), fields | {"organization_id": "0"}, REMOTE_ADDR=ADDRESS)
    assert not entries(alice).exists()
    if page.name not in {"preferences", "own-alerts", "password-change"}:
        bob_page.post(page.url(ids), fields, REMOTE_ADDR=ADDRESS)
        assert not entries(bob_page).exists()


@pytest.mark.parametrize("page", [page for page in PAGES if page.parameters], ids=str)
def test_what_a_page_does_for_one_it_does_for_no_other_organization(
    page: Endpoint, charlie_page: PageClient, alice: PageClient, ids: Ids
) -> None:
    prepare(page, ids)
    fields = filled(page, alice, ids)
    fields.pop("organization_id", None)
    assert charlie_page.post(page.url(ids), fields, REMOTE_ADDR=ADDRESS).status_code == 404
    assert not AuditEntry.objects.filter(from_address=ADDRESS).exists()


def test_joining_is_kept(alice: PageClient) -> None:
    invitation = invitation_to(alice.organization, "zed@bakery.example")
    token = invitation.issue_token()
    invitation.save()
    fields = {"full_name": "Zed", "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert Client(REMOTE_ADDR=ADDRESS).post(f"/invitation/{token}", fields).status_code == 302
    entry = AuditEntry.objects.get(organization=alice.organization, actor_code="zed@bakery.example")
    assert entry.from_address == ADDRESS
    assert NEW_PASSWORD not in f"{entry.before} {entry.after}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_sent_twice_it_is_done_once(page: Endpoint, alice: PageClient, ids: Ids) -> None:
    if page.name in {"audit-export", "webhook-header-show", "webhook-secret", "webhook-test"}:
        return  # each time somebody looked, or sent
    prepare(page, ids)
    fields = filled(page, alice, ids)
    for _ in range(2):
        for file in (value for value in fields.values() if hasattr(value, "seek")):
            file.seek(0)
        answer = alice.post(page.url(ids), fields, REMOTE_ADDR=ADDRESS)
        assert answer.status_code in {200, 302, 403, 404}
    assert entries(alice).count() == 1
    assert Invitation.objects.filter(organization=alice.organization).count() <= 2
    assert EventType.objects.count() == 1 + (page.name == "event-type-add")
