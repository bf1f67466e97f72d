import hashlib
import logging
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.utils import timezone

from organizations.models import Access, AuditEntry, Credential
from tests.conftest import PageClient, basic
from tests.factories import CredentialFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

WANTED = {"code": "shop-7", "name": "Shop 7", "webhooks_access": "read", "may_write_events": "on"}


def shown(page: str) -> dict[str, str]:
    """What the page shows to be copied, by the ids of the fields."""
    pairs = re.findall(r'<input class="mono" id="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in pairs}


def create(alice: PageClient, **fields: str) -> Any:
    return alice.post("/credentials/new", WANTED | fields)


def signs_in(client: Any, code: str, password: str) -> bool:
    answer = client.get("/v3/webhooks", headers={"Authorization": basic(code, password)})
    return bool(answer.status_code == 200)


def test_a_new_credential_shows_its_secrets_and_they_work(alice: PageClient, client: Any) -> None:
    answer = create(alice)
    secrets = shown(answer.content.decode())
    credential = Credential.objects.get(code="shop-7")
    assert credential.organization == alice.organization
    assert (credential.name, credential.access) == ("Shop 7", Access.READ)
    assert credential.may_write_events
    assert credential.expires_at is None
    assert secrets["code"] == "shop-7"
    md5 = hashlib.md5(secrets["password"].encode(), usedforsecurity=False).hexdigest()
    assert secrets["password-md5"] == md5
    assert signs_in(client, "shop-7", secrets["password"])
    assert signs_in(client, "shop-7", md5)
    token = client.post(
        "/v3/oauth/token/generate",
        {"key": secrets["key"], "secret": secrets["secret"]},
        "application/json",
    )
    assert token.status_code == 200


def test_secrets_are_shown_once_and_are_kept_nowhere(
    alice: PageClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = create(alice)
    secrets = shown(answer.content.decode())
    assert answer.headers["Cache-Control"] == "no-store"
    again = create(alice)  # what loading the page again sends
    assert shown(again.content.decode()) == {}
    assert "This code is taken" in again.content.decode()
    places = [
        alice.get("/credentials").content.decode(),
        alice.get("/audit-log").content.decode(),
        str([session.get_decoded() for session in Session.objects.all()]),
        str(list(AuditEntry.objects.values())),
        str(list(Credential.objects.values("password_digest", "secret_digest"))),
        caplog.text,
    ]
    for name in ("password", "password-md5", "secret"):
        assert all(secrets[name] not in place for place in places)
    assert all(secrets["key"] not in place for place in places)


def test_creating_leaves_an_entry_without_secrets(alice: PageClient) -> None:
    create(alice)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_type, entry.object_name) == (
        "created",
        "credential",
        "shop-7",
    )
    assert entry.from_address == "127.0.0.1"
    assert entry.actor_code == "alice"
    assert entry.after == {
        "code": "shop-7",
        "name": "Shop 7",
        "webhooks_access": "read",
        "may_write_events": True,
    }


def test_the_expiry_is_read_in_the_organizations_time_zone(alice: PageClient) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    alice.membership.own_time_zone = "America/New_York"
    alice.membership.save()
    assert "In Asia/Kolkata" in alice.get("/credentials/new").content.decode()
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        create(alice, expires_at="2026-03-31T18:00")
    expires_at = Credential.objects.get().expires_at
    assert expires_at == datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("code", "", "This field is required"),
        ("code", "a b", "no spaces and no colon"),
        ("code", "a:b", "no spaces and no colon"),
        ("code", "x" * 101, "at most 100 characters"),
        ("name", "x" * 201, "at most 200 characters"),
        ("webhooks_access", "all", "not one of the available choices"),
        ("expires_at", "2020-01-01T00:00", "from now on"),
        ("expires_at", "9999-12-31T23:59", "within 100 years"),
        ("expires_at", "0001-01-01T00:00", "from now on"),
        ("expires_at", "tomorrow", "Use a date and a time"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(
    alice: PageClient, field: str, text: str, message: str
) -> None:
    page = unescape(create(alice, **{"name": "Kept", field: text}).content.decode())
    assert "to correct before this can be saved" in page
    assert message in page
    if field != "name":
        assert 'value="Kept"' in page
    assert not Credential.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_code_of_another_organization_is_taken_too(alice: PageClient) -> None:
    CredentialFactory(code="shop-7")
    assert "This code is taken" in create(alice).content.decode()


def test_the_list_tells_the_state_of_each(alice: PageClient) -> None:
    now = timezone.now()
    of = {"organization": alice.organization}
    CredentialFactory(**of, code="used", name="Till 4", last_used_at=now - timedelta(minutes=3))
    CredentialFactory(**of, code="revoked", revoked_at=now)
    CredentialFactory(**of, code="expired", expires_at=now - timedelta(days=1))
    CredentialFactory(code="elsewhere")
    page = alice.get("/credentials").content.decode()
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)[1:]
    assert ["used" in rows[0], "expired" in rows[1], "revoked" in rows[2]] == [True] * 3
    for row, words in zip(rows, (["Active", "3 min ago"], ["Expired"], ["Revoked"]), strict=True):
        assert all(word in row for word in words)
    assert "elsewhere" not in page
    assert page.count("/revoke") == 2


def test_an_empty_list_says_what_credentials_are_for(
    alice: PageClient, bob_page: PageClient
) -> None:
    assert alice.get("/credentials").content.decode().count('href="/credentials/new"') == 2
    page = bob_page.get("/credentials").content.decode()
    assert "No credentials yet" in page
    assert "/credentials/new" not in page


def test_a_revoked_credential_and_its_tokens_are_refused_at_once(
    alice: PageClient, client: Any
) -> None:
    secrets = shown(create(alice).content.decode())
    body = {"key": secrets["key"], "secret": secrets["secret"]}
    token = client.post("/v3/oauth/token/generate", body, "application/json").json()
    holder = {"X-CAP-API-OAUTH-TOKEN": token["data"]["accessToken"]}
    assert signs_in(client, "shop-7", secrets["password"])
    assert client.get("/v3/webhooks", headers=holder).status_code == 200
    url = f"/credentials/{Credential.objects.get().pk}/revoke"
    asked = alice.get(url).content.decode()
    assert "shop-7" in asked
    assert signs_in(client, "shop-7", secrets["password"])
    assert alice.post(url).headers["Location"] == "/credentials"
    assert not signs_in(client, "shop-7", secrets["password"])
    assert client.get("/v3/webhooks", headers=holder).status_code == 401
    assert client.post("/v3/oauth/token/generate", body, "application/json").status_code == 401


def test_revoking_twice_is_one_change(alice: PageClient) -> None:
    credential = CredentialFactory(organization=alice.organization)
    for _ in range(2):
        assert alice.post(f"/credentials/{credential.pk}/revoke").status_code == 302
    entry = AuditEntry.objects.get()
    assert entry.action == "revoked"
    assert entry.before == {"revoked_at": None}


def test_read_sees_the_list_without_controls(alice: PageClient, bob_page: PageClient) -> None:
    credential = CredentialFactory(organization=alice.organization)
    page = bob_page.get("/credentials").content.decode()
    assert credential.code in page
    assert "/credentials/new" not in page
    assert "/revoke" not in page
    for url in ("/credentials/new", f"/credentials/{credential.pk}/revoke"):
        assert bob_page.get(url).status_code == 403
        assert bob_page.post(url, WANTED).status_code == 403
    credential.refresh_from_db()
    assert credential.revoked_at is None


def test_another_organizations_credential_does_not_exist(
    alice: PageClient, charlie_page: PageClient
) -> None:
    credential = CredentialFactory(organization=alice.organization)
    url = f"/credentials/{credential.pk}/revoke"
    assert (charlie_page.get(url).status_code, charlie_page.post(url).status_code) == (404, 404)


def test_hostile_names_are_shown_and_not_run(alice: PageClient) -> None:
    code, name = '"><script>alert(1)</script>', "<img src=x onerror=alert(1)>"
    page = create(alice, code=code, name=name).content.decode()
    pk = Credential.objects.get().pk
    for text in (page, *(alice.get(u).content.decode() for u in ("/credentials", "/audit-log"))):
        assert "<script>alert" not in text
        assert "<img" not in text
    assert "&lt;img src=x" in alice.get(f"/credentials/{pk}/revoke").content.decode()


def test_the_list_takes_the_same_queries_for_many(
    alice: PageClient, django_assert_max_num_queries: Any
) -> None:
    CredentialFactory(organization=alice.organization)
    for _ in range(2):
        with django_assert_max_num_queries(5):  # session, user, memberships, count, page
            page = alice.get("/credentials").content.decode()
        CredentialFactory.create_batch(60, organization=alice.organization)
    page = alice.get("/credentials").content.decode()
    assert "121 credentials, page 1 of 3" in page
