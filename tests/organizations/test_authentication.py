import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from organizations import tokens
from organizations.authentication import remembered
from organizations.models import Access, Credential, Organization
from tests.conftest import CredentialClient, basic
from tests.factories import CredentialFactory, OrganizationFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.urls("tests.organizations.urls"),
]


def ask(authorization: str, token: str | None = None) -> Any:
    headers = {"Authorization": authorization}
    if token is not None:
        headers["X-CAP-API-OAUTH-TOKEN"] = token
    return APIClient().get("/who", headers=headers)


def is_refused(response: Any) -> bool:
    """With 401, in the envelope, with the challenge that RFC 7235 demands."""
    return (
        response.status_code == 401
        and response.headers["WWW-Authenticate"].startswith("Basic ")
        and response.json()["data"] is None
        and [error["code"] for error in response.json()["errors"]] == [401]
    )


def test_the_credential_decides_organization_and_actor(api: CredentialClient) -> None:
    answer = api.get("/who").json()["data"]
    assert answer == {
        "organization": api.organization.pk,
        "actor": {
            "id": api.credential.pk,
            "code": api.credential.code,
            "description": "",
            "name": api.credential.code,
            "type": "TILL",
        },
    }


def test_charlie_calls_for_another_organization(
    api: CredentialClient, charlie: CredentialClient
) -> None:
    organizations = [c.get("/who").json()["data"]["organization"] for c in (api, charlie)]
    assert organizations == [api.organization.pk, charlie.organization.pk]


def test_the_password_may_come_as_its_lower_case_md5() -> None:
    credential = CredentialFactory()
    md5 = hashlib.md5(credential.plain_password.encode()).hexdigest()
    assert ask(basic(credential.code, md5)).status_code == 200
    assert is_refused(ask(basic(credential.code, md5.upper())))


def test_the_scheme_is_case_insensitive() -> None:
    credential = CredentialFactory()
    header = basic(credential.code, credential.plain_password)
    assert ask(header.replace("Basic", "bAsIc")).status_code == 200


def test_a_wrong_password_and_an_unknown_code_get_the_same_answer() -> None:
    credential = CredentialFactory()
    wrong = ask(basic(credential.code, "wrong"))
    unknown = ask(basic("nobody", "wrong"))
    assert is_refused(wrong)
    assert is_refused(unknown)
    assert wrong.content == unknown.content


def test_a_wrong_password_and_an_unknown_code_cost_the_same_queries(api: CredentialClient) -> None:
    api.get("/who")
    counts = []
    for code in (api.credential.code, "nobody"):
        with CaptureQueriesContext(connection) as queries:
            ask(basic(code, "wrong"))
        counts.append(len(queries))
    assert counts == [1, 1]


def test_digests_are_no_passwords() -> None:
    credential = CredentialFactory()
    assert is_refused(ask(basic(credential.code, credential.password_digest)))
    assert is_refused(ask(basic(credential.code, credential.plain_secret)))


def test_no_credential_at_all_is_refused() -> None:
    assert is_refused(APIClient().get("/who"))


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic AAA",
        "Basic a b",
        "Basic " + base64.b64encode(b"without a colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"nul\0:nul\0").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"\xed\xa0\x80:surrogate").decode(),
        "Basic " + base64.b64encode(b"x" * 100_000 + b":y").decode(),
        "Basic \xe4\xf6\xfc",
        "Bearer something",
        "",
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    assert is_refused(ask(header))


def test_a_busy_caller_costs_no_query(api: CredentialClient) -> None:
    api.get("/who")
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            assert api.get("/who").status_code == 200
    assert len(queries) == 0


def until_refused(client: APIClient, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if client.get("/who").status_code == 401:
            return True
    return False


def test_a_revoked_credential_is_out_within_five_seconds(
    api: CredentialClient, settings: Any
) -> None:
    settings.REQUESTS_PER_MINUTE = 10**9
    assert api.get("/who").status_code == 200
    api.credential.revoke()
    assert until_refused(api, timeout_s=5)


def test_renewed_secrets_work_at_once_and_the_old_ones_not_for_long(
    api: CredentialClient, settings: Any
) -> None:
    settings.REQUESTS_PER_MINUTE = 10**9
    assert api.get("/who").status_code == 200
    credential = Credential.objects.get(pk=api.credential.pk)
    issued = credential.renew_secrets()
    credential.save()
    assert ask(basic(credential.code, issued.password)).status_code == 200
    assert until_refused(api, timeout_s=5)


def test_an_expired_credential_is_refused_to_the_second(api: CredentialClient) -> None:
    assert api.get("/who").status_code == 200
    expiry = timezone.now() - timedelta(microseconds=1)
    Credential.objects.filter(pk=api.credential.pk).update(expires_at=expiry)
    remembered.clear()
    assert is_refused(api.get("/who"))


def test_a_credential_that_expires_while_remembered_is_refused() -> None:
    credential = CredentialFactory(expires_at=timezone.now() + timedelta(seconds=0.3))
    header = basic(credential.code, credential.plain_password)
    deadline = time.monotonic() + 1.5
    while not is_refused(ask(header)):
        assert time.monotonic() < deadline


def test_read_may_not_write(bob: CredentialClient) -> None:
    assert bob.get("/who").status_code == 200
    refused = bob.post("/who", {})
    assert refused.status_code == 403
    assert refused.json()["errors"] == [
        {"code": 4000, "message": "Not authorized. Access is denied!", "field": None}
    ]


def test_none_may_not_even_read() -> None:
    client = CredentialClient(CredentialFactory(webhooks_access=Access.NONE))
    assert client.get("/who").status_code == 403


def test_publishing_needs_its_own_right(api: CredentialClient, bob: CredentialClient) -> None:
    only_events = CredentialClient(CredentialFactory(webhooks_access=Access.NONE))
    assert api.post("/publish", {}).status_code == 200
    assert only_events.post("/publish", {}).status_code == 200
    assert bob.post("/publish", {}).status_code == 403
    assert APIClient().post("/publish", {}).status_code == 401


def test_the_first_kind_of_credential_decides(api: CredentialClient) -> None:
    """A wrong password is not made good by a valid token, and a valid one needs no token."""
    password = api.credential.plain_password  # type: ignore[attr-defined]  # of the factory
    token = tokens.issue(api.credential)
    assert is_refused(ask(basic(api.credential.code, "wrong"), token))
    assert ask("", token).status_code == 200
    assert ask(basic(api.credential.code, password), "nonsense").status_code == 200


def last_use(credential: Credential) -> Any:
    credential.refresh_from_db()
    return credential.last_used_at


def test_the_last_use_is_written_at_most_once_a_minute(api: CredentialClient) -> None:
    api.get("/who")
    first = last_use(api.credential)
    assert timezone.now() - first < timedelta(seconds=10)
    remembered.clear()  # as another process
    api.get("/who")
    assert last_use(api.credential) == first
    Credential.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    remembered.clear()
    api.get("/who")
    assert last_use(api.credential) > first


@contextmanager
def refusing_updates_of_last_use() -> Iterator[None]:
    """The database itself says no."""
    name = Credential._meta.db_table
    if connection.vendor == "postgresql":
        make = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
            f"CREATE TRIGGER refuse BEFORE UPDATE OF last_used_at ON {name}"
            " EXECUTE FUNCTION refuse()",
        ]
        drop = ["DROP FUNCTION refuse CASCADE"]
    else:
        make = [
            f"CREATE TRIGGER refuse BEFORE UPDATE OF last_used_at ON {name}"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        ]
        drop = ["DROP TRIGGER refuse"]
    with connection.cursor() as cursor:
        for statement in make:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in drop:
                cursor.execute(statement)


def test_a_last_use_that_can_not_be_written_does_not_fail_the_request(
    api: CredentialClient,
) -> None:
    with refusing_updates_of_last_use():
        assert api.get("/who").status_code == 200
    assert last_use(api.credential) is None


@pytest.mark.django_db(transaction=True)
def test_a_locked_credential_does_not_hold_up_its_requests(api: CredentialClient) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Credential.objects.select_for_update().get(pk=api.credential.pk)
            locked.set()
            done.wait(10)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(10)
        started = time.monotonic()
        assert api.get("/who").status_code == 200
        assert time.monotonic() - started < 5
    finally:
        done.set()
        holder.join()


def test_codes_are_unique_over_all_organizations() -> None:
    credential = CredentialFactory()
    other = Credential(organization=OrganizationFactory(), code=credential.code)
    other.renew_secrets()
    with pytest.raises(ValidationError):
        other.full_clean()


def test_rows_of_an_organization_start_from_it() -> None:
    mine, theirs = CredentialFactory(), CredentialFactory()
    assert list(Credential.objects.for_organization(mine.organization)) == [mine]
    assert Organization.objects.count() == 2
    assert theirs not in Credential.objects.for_organization(mine.organization)
