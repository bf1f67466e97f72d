import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings as project_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.crypto import salted_hmac
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from organizations import tokens
from organizations.authentication import remembered
from organizations.models import Access, Credential
from organizations.throttles import TOKENS_PER_KEY, TOKENS_PER_SITE
from tests.factories import CredentialFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.urls("tests.organizations.urls"),
]

GENERATE = "/v3/oauth/token/generate"


def generate(body: Any, **headers: str) -> Any:
    return APIClient().post(GENERATE, body, headers=headers)


def access_token(credential: Credential) -> str:
    secret = credential.plain_secret  # type: ignore[attr-defined]  # of the factory
    answer = generate({"key": credential.key, "secret": secret})
    return str(answer.json()["data"]["accessToken"])


def ask(token: str) -> Any:
    return APIClient().get("/who", headers={"X-CAP-API-OAUTH-TOKEN": token})


def claims(credential: Credential, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    fields = {"aud": "ens-v3", "sub": credential.key, "iat": now, "exp": now + 300} | changes
    return {name: value for name, value in fields.items() if value is not None}


def sign(fields: dict[str, Any], algorithm: str = "HS256") -> str:
    key = salted_hmac("organizations.tokens", "signing key", algorithm="sha256").digest()
    return jwt.encode(fields, key, algorithm)


def test_a_key_and_secret_are_exchanged_for_a_token_that_works() -> None:
    credential = CredentialFactory()
    answer = generate({"key": credential.key, "secret": credential.plain_secret})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "data": {"accessToken": answer.json()["data"]["accessToken"], "ttlSeconds": 300},
        "errors": None,
        "warnings": None,
    }
    called = ask(answer.json()["data"]["accessToken"])
    assert called.json()["data"]["actor"]["code"] == credential.code


def test_a_trailing_slash_answers_the_same() -> None:
    credential = CredentialFactory()
    body = {"key": credential.key, "secret": credential.plain_secret}
    assert APIClient().post(GENERATE + "/", body).status_code == 200


def test_other_credentials_of_the_request_do_not_matter_for_a_token() -> None:
    credential = CredentialFactory()
    body = {"key": credential.key, "secret": credential.plain_secret}
    assert generate(body, Authorization="Basic nonsense").status_code == 200


@pytest.mark.parametrize("part", ["key", "secret"])
def test_a_wrong_key_or_secret_is_refused_alike(part: str) -> None:
    credential = CredentialFactory()
    body = {"key": credential.key, "secret": credential.plain_secret, part: "wrong"}
    refused = generate(body)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert refused.json()["errors"] == [
        {"code": 401, "message": "Wrong key or secret.", "field": None}
    ]


def test_neither_password_nor_digest_is_a_secret() -> None:
    credential = CredentialFactory()
    for secret in (credential.plain_password, credential.secret_digest):
        assert generate({"key": credential.key, "secret": secret}).status_code == 401


def test_a_credential_that_is_revoked_or_expired_gets_no_token() -> None:
    revoked = CredentialFactory(revoked_at=timezone.now())
    expired = CredentialFactory(expires_at=timezone.now() - timedelta(seconds=1))
    for credential in (revoked, expired):
        body = {"key": credential.key, "secret": credential.plain_secret}
        assert generate(body).status_code == 401


@pytest.mark.parametrize(
    "value", [1, 1.5, 10**300, True, None, [], ["a"], {}, {"a": "b"}, "", "x" * 100_000]
)
@pytest.mark.parametrize("part", ["key", "secret"])
def test_what_is_no_short_string_is_told_with_its_field(part: str, value: Any) -> None:
    body = {"key": "k", "secret": "s", part: value}
    refused = generate(body)
    assert refused.status_code == 400
    assert {error["field"] for error in refused.json()["errors"]} == {part}


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"', "{", "", '{"key": "\\u0000"}'])
def test_a_body_that_is_no_fitting_object_is_refused(text: str) -> None:
    refused = APIClient().post(GENERATE, text, content_type="application/json")
    assert refused.status_code == 400
    assert refused.json()["data"] is None
    assert refused.json()["errors"]


def test_both_missing_fields_are_told_together() -> None:
    assert [error["field"] for error in generate({}).json()["errors"]] == ["key", "secret"]


def test_a_token_ends_after_five_minutes() -> None:
    credential = CredentialFactory()
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        token = tokens.issue(credential)
        clock.shift(299)
        assert tokens.key_in(token) == credential.key
        clock.shift(1)
        assert tokens.key_in(token) is None


def test_a_token_costs_no_query_while_its_credential_is_remembered() -> None:
    token = access_token(CredentialFactory())
    ask(token)
    with CaptureQueriesContext(connection) as queries:
        assert ask(token).status_code == 200
    assert len(queries) == 0


def test_a_token_ends_with_its_credential(settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 10**9
    credential = CredentialFactory()
    token = access_token(credential)
    assert ask(token).status_code == 200
    credential.revoke()
    deadline = time.monotonic() + 5
    while ask(token).status_code != 401:
        assert time.monotonic() < deadline


def test_a_token_ends_with_its_key() -> None:
    credential = CredentialFactory()
    token = access_token(credential)
    credential.renew_secrets()
    credential.save()
    assert ask(token).status_code == 401


def test_a_token_carries_no_more_rights_than_its_credential_has_now() -> None:
    credential = CredentialFactory()
    token = access_token(credential)
    Credential.objects.filter(pk=credential.pk).update(webhooks_access=Access.NONE)
    remembered.clear()
    assert ask(token).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": None},
        {"aud": 7},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 10**11},
        {"sub": None},
        {"sub": ""},
        {"sub": "nobody"},
        {"nbf": 10**11},
    ],
)
def test_claims_other_than_ours_are_refused(changes: dict[str, Any]) -> None:
    credential = CredentialFactory()
    assert ask(sign(claims(credential))).status_code == 200
    assert ask(sign(claims(credential, **changes))).status_code == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_with_another_algorithm_is_refused() -> None:
    credential = CredentialFactory()
    assert ask(sign(claims(credential), "HS512")).status_code == 401
    assert ask(jwt.encode(claims(credential), "", "none")).status_code == 401


def test_a_token_signed_with_another_key_is_refused() -> None:
    credential = CredentialFactory()
    for key in ("another key of at least 32 bytes, yes", project_settings.SECRET_KEY):
        assert ask(jwt.encode(claims(credential), key, "HS256")).status_code == 401


def test_a_changed_token_is_refused() -> None:
    token = access_token(CredentialFactory())
    header, body, signature = token.split(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "==")) | {"exp": 2**40}
    forged = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    for changed in (f"{header}.{forged}.{signature}", f"{header}.{body}.", token[:-4], token + "A"):
        assert ask(changed).status_code == 401


def _nested_header() -> str:
    return base64.urlsafe_b64encode(b"[" * 700).decode() + ".e30.AA"


@pytest.mark.parametrize(
    "token", ["", " ", ".", "..", "...", "a.b.c", "\xe4.\xf6.\xfc", "x" * 100_000, _nested_header()]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert ask(token).status_code == 401


@given(st.text(st.characters(codec="latin-1"), max_size=200))
def test_no_text_at_all_stands_for_a_key(text: str) -> None:
    assert tokens.key_in(text) is None


def test_tokens_are_limited_for_each_key() -> None:
    credential = CredentialFactory()
    body = {"key": credential.key, "secret": "wrong"}
    for _ in range(TOKENS_PER_KEY):
        assert generate(body).status_code == 401
    limited = generate(body)
    assert limited.status_code == 429
    assert 0 < int(limited.headers["Retry-After"]) <= 60
    assert generate({"key": "another", "secret": "wrong"}).status_code == 401


def test_tokens_are_limited_for_each_address() -> None:
    for number in range(TOKENS_PER_SITE):
        assert generate({"key": f"k{number}", "secret": "s"}).status_code == 401
    assert generate({"key": "one more", "secret": "s"}).status_code == 429
    elsewhere = APIClient(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post(GENERATE, {"key": "k", "secret": "s"}).status_code == 401
