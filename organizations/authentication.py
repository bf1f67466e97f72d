"""Who calls, and for which organisation."""

import base64
import binascii
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import structlog
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseError
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from organizations import tokens
from organizations.models import Access, Credential, Membership, Organization

log = structlog.get_logger(__name__)

REALM = 'Basic realm="ENS", charset="UTF-8"'
TOKEN_HEADER = "HTTP_X_CAP_API_OAUTH_TOKEN"  # noqa: S105  the header's name in WSGI
ORGANIZATION_IN_SESSION = "organization_id"
MAX_HEADER_LENGTH = 2_000  # a code of 100 characters and a password are far below it
REMEMBERED_S = 2.0
REMEMBERED_AT_MOST = 10_000
LAST_USED_EVERY_S = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """`request.user` of every authenticated request of the API: a credential or a member.

    `actor` is what "created by" keeps and shows; `throttle_key` tells callers apart.
    """

    organization: Organization
    access: Access
    may_write_events: bool
    actor: dict[str, Any]
    throttle_key: str
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True

    @classmethod
    def with_credential(cls, credential: Credential) -> "Caller":
        return cls(
            organization=credential.organization,
            access=credential.access,
            may_write_events=credential.may_write_events,
            actor={
                "id": credential.pk,
                "code": credential.code,
                "description": "",
                "name": credential.name or credential.code,
                "type": "TILL",
            },
            throttle_key=f"credential:{credential.pk}",
        )

    @classmethod
    def member(cls, membership: Membership) -> "Caller":
        user = membership.user
        return cls(
            organization=membership.organization,
            access=membership.access,
            may_write_events=membership.may_write_events,
            actor={
                "id": user.pk,
                "code": user.get_username(),
                "description": "",
                "name": user.get_full_name() or user.get_username(),
                "type": "ADMIN_USER",
            },
            throttle_key=f"user:{user.pk}",
        )


def caller_or_none(request: Request) -> Caller | None:
    user: object = request.user
    return user if isinstance(user, Caller) else None


def caller_of(request: Request | HttpRequest) -> Caller:
    """Who calls the API (`request.user`) or asks for a page (`request.caller`).

    Raises NotAuthenticated when there is none.
    """
    page_caller: Caller | None = getattr(request, "caller", None)
    caller = caller_or_none(request) if isinstance(request, Request) else page_caller
    if caller is None:
        raise NotAuthenticated
    return caller


class RememberedCredentials:
    """Credentials that were accepted in this process within the last two seconds.

    They spare a busy caller's requests the query. They can only say yes: whoever does not match
    is looked up in the database, so that a renewed password works at once, and an unknown code
    takes as long as a wrong password.
    """

    def __init__(self) -> None:
        self._rows: dict[str, tuple[float, Credential]] = {}
        self._noted_at: dict[int, float] = {}

    def clear(self) -> None:
        self._rows.clear()
        self._noted_at.clear()

    def get(self, name: str) -> Credential | None:
        until, credential = self._rows.get(name, (0.0, None))
        return credential if time.monotonic() < until else None

    def put(self, name: str, credential: Credential) -> None:
        if len(self._rows) >= REMEMBERED_AT_MOST:
            self._rows.clear()
        self._rows[name] = (time.monotonic() + REMEMBERED_S, credential)

    def forget(self, credential: Credential) -> None:
        """For one that was revoked: this process refuses it at once, the others within 2 s."""
        self._rows.pop(f"code {credential.code}", None)
        self._rows.pop(f"key {credential.key}", None)

    def note_use(self, credential: Credential) -> None:
        """Write `last_used_at`, at most once a minute. Never waits for a lock, never fails."""
        now_s = time.monotonic()
        if now_s - self._noted_at.get(credential.pk, -LAST_USED_EVERY_S) < LAST_USED_EVERY_S:
            return
        self._noted_at[credential.pk] = now_s
        now = timezone.now()
        stale = models.Q(last_used_at=None) | models.Q(
            last_used_at__lt=now - timedelta(seconds=LAST_USED_EVERY_S)
        )
        free = Credential.objects.select_for_update(skip_locked=True).filter(
            stale, pk=credential.pk
        )
        try:
            with transaction.atomic():
                Credential.objects.filter(pk__in=free.values("pk")).update(last_used_at=now)
        except DatabaseError as error:
            log.warning("last_use_not_written", code=credential.code, error=type(error).__name__)


remembered = RememberedCredentials()


def credential_with_password(code: str, password: str) -> Credential | None:
    """The usable credential with this code and password (plain or its MD5 in hex), or None."""
    name = f"code {code}"
    known = remembered.get(name)
    if known and known.is_usable and known.has_password(password):
        remembered.note_use(known)
        return known
    row = Credential.objects.with_organization().filter(code=code).first()
    credential = row or Credential.nobody()
    if not (credential.has_password(password) and credential.is_usable):
        return None
    remembered.put(name, credential)
    remembered.note_use(credential)
    return credential


def credential_with_secret(key: str, secret: str) -> Credential | None:
    """The usable credential with this key and secret, or None."""
    row = Credential.objects.with_organization().filter(key=key).first()
    credential = row or Credential.nobody()
    return credential if credential.has_secret(secret) and credential.is_usable else None


def credential_with_key(key: str) -> Credential | None:
    """The usable credential with this key, or None. For keys that a token of ours vouches for."""
    name = f"key {key}"
    credential = remembered.get(name)
    if credential is None:
        credential = Credential.objects.with_organization().filter(key=key).first()
        if credential is not None:
            remembered.put(name, credential)
    if credential is None or not credential.is_usable:
        return None
    remembered.note_use(credential)
    return credential


class TillAuthentication(BaseAuthentication):
    """HTTP Basic with a credential's code and password."""

    def authenticate(self, request: Request) -> tuple[Caller, Credential] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        credential = credential_with_password(*_code_and_password(encoded.strip()))
        if credential is None:
            raise AuthenticationFailed("Wrong till username or password.")
        return Caller.with_credential(credential), credential

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _code_and_password(encoded: str) -> tuple[str, str]:
    """Raises AuthenticationFailed for what is no Basic credential after RFC 7617."""
    try:
        if len(encoded) > MAX_HEADER_LENGTH:
            raise ValueError
        text = base64.b64decode(encoded, validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    code, colon, password = text.partition(":")
    if not colon or "\0" in text:
        raise AuthenticationFailed("The Authorization header is malformed.")
    return code, password


class TokenAuthentication(BaseAuthentication):
    """The header X-CAP-API-OAUTH-TOKEN with a token of `organizations.tokens`."""

    def authenticate(self, request: Request) -> tuple[Caller, Credential] | None:
        token = request.META.get(TOKEN_HEADER)
        if token is None:
            return None
        key = tokens.key_in(token)
        credential = credential_with_key(key) if key else None
        if credential is None:
            raise AuthenticationFailed("The token is not valid, or no longer.")
        return Caller.with_credential(credential), credential

    def authenticate_header(self, request: Request) -> str:
        return REALM


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of the admin UI, with CSRF, in the organisation that the session has chosen."""

    def authenticate(self, request: Request) -> tuple[Caller, Membership] | None:
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        chosen = request._request.session.get(ORGANIZATION_IN_SESSION)
        membership = chosen_membership(signed_in[0], chosen)
        if membership is None:
            raise PermissionDenied("You belong to no organization.", "not_authorized")
        return Caller.member(membership), membership

    def authenticate_header(self, request: Request) -> str:
        return REALM


def chosen_membership(
    user: AbstractBaseUser | AnonymousUser, organization_id: int | None
) -> Membership | None:
    """The user's membership there, else the first one; None when the user has none."""
    return chosen_of(list(Membership.objects.of_user(user).select_related("user")), organization_id)


def chosen_of(memberships: Sequence[Membership], organization_id: int | None) -> Membership | None:
    """The one there, else the first one; None of none."""
    for membership in memberships:
        if membership.organization_id == organization_id:
            return membership
    return memberships[0] if memberships else None
