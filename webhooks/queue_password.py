"""The password in a queue's URL: kept beside it, masked where it is shown.

A password is not kept in the URL but beside it, encrypted. What is shown has a mask in its place;
when the mask is sent back for the same scheme, user, host and port, it stands for the stored
password, and for nothing elsewhere: nobody can send a password that he does not know to a host of
his choice.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from organizations.encryption import Unreadable
from webhooks.headers import MASK

PORTS = {"amqp": 5672, "amqps": 5671, "redis": 6379, "rediss": 6379, "sqs": 443}
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
STAND_IN = "unreadable"


class Parts(NamedTuple):
    """A URL as text: `user_info` is None without an at sign."""

    scheme: str
    user_info: str | None
    host: str
    rest: str

    @property
    def user(self) -> str:
        return (self.user_info or "").partition(":")[0]

    @property
    def password(self) -> str:
        return (self.user_info or "").partition(":")[2]

    @property
    def origin(self) -> tuple[str, str, str]:
        """What must be the same for a mask to stand for the stored password."""
        return self.scheme.lower(), self.user, self.host.lower()


def is_queue_url(url: str) -> bool:
    return url.partition("://")[0].lower() in PORTS


def parts(url: str) -> Parts | None:
    """None for what has no scheme and authority."""
    match = URL.match(url)
    if match is None:
        return None
    user_info, at, host = match[2].rpartition("@")
    return Parts(match[1], user_info if at else None, host, url[match.end(2) :])


def separated(url: str, stored_url: str = "", stored_secret: str = "") -> tuple[str, str]:
    """The URL without its password, and `user:password`, or "" for one without a password.

    A mask becomes the stored password where it may; where not it stays, for `parse` to refuse.
    URLs of no queue are left as they are. Never raises.
    """
    found = parts(url) if is_queue_url(url) else None
    if found is None or not found.password:
        return url, ""
    secret = f"{found.user}:{found.password}"
    if unquote(found.password) == MASK:
        stored = parts(stored_url) if stored_secret else None
        if stored is not None and stored.origin == found.origin:
            secret = stored_secret
    user = f"{found.user}@" if found.user else ""
    return f"{found.scheme}://{user}{found.host}{found.rest}", secret


def joined(url: str, secret: str) -> str:
    """The whole URL again. Never shown, never logged."""
    found = parts(url) if secret else None
    return f"{found.scheme}://{secret}@{found.host}{found.rest}" if found else url


def checkable(url: str, secret: str) -> str:
    """As `joined`; another password stands in for one that can not be read."""
    return joined(url, f"{_user_of(url)}:{STAND_IN}" if isinstance(secret, Unreadable) else secret)


def shown(url: str, secret: str) -> str:
    """With the mask where the password is."""
    return joined(url, f"{_user_of(url)}:{MASK}") if secret else url


def _user_of(url: str) -> str:
    """Of a URL without its password."""
    found = parts(url)
    return found.user if found else ""


def is_masked(url: str) -> bool:
    """The mask that stands for a stored password is in it."""
    found = parts(url) if is_queue_url(url) else None
    return found is not None and unquote(found.password) == MASK
