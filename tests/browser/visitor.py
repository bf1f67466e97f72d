"""Somebody at a browser."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, ConsoleMessage, Request, expect

from organizations.authentication import ORGANIZATION_IN_SESSION
from organizations.models import Membership

WAITED_MS = 15_000  # the machine may be busy
expect.set_options(timeout=WAITED_MS)


@dataclass(frozen=True)
class Site:
    url: str


class Visitor:
    """`page` is Playwright's, of a browser in which this member is signed in.

    Options are those of `browser.new_context`. What the browser complains of, and every request
    to another origin, is kept; `leave` demands that there was none.
    """

    def __init__(
        self, browser: Browser, site: Site, membership: Membership | None, **options: Any
    ) -> None:
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self._site = site
        self.context = browser.new_context(base_url=site.url, **options)
        self.context.set_default_timeout(WAITED_MS)
        if membership is not None:
            self.context.add_cookies([_session(membership, site)])
        self.page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._see)

    def leave(self) -> None:
        self.context.close()
        assert not self.complaints, self.complaints
        assert not self.foreign, self.foreign

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        wanted = urlsplit(request.url)
        if wanted.scheme != "data" and f"{wanted.scheme}://{wanted.netloc}" != self._site.url:
            self.foreign.append(request.url)


def _session(membership: Membership, site: Site) -> Any:
    """The cookie of a new session, as signing in makes it; the sign-in page has its own test."""
    session = SessionStore()
    session[SESSION_KEY] = str(membership.user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = membership.user.get_session_auth_hash()
    session[ORGANIZATION_IN_SESSION] = membership.organization_id
    session.save()
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": session.session_key,
        "url": site.url,
        "httpOnly": True,
    }
