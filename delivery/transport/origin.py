"""Where a URL points: one reading of it for the early check, the request and the connection."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from requests import PreparedRequest

from webhooks.queue_url import QueueUrl

DEFAULT_PORTS = {"http": 80, "https": 443}
QUEUE_SCHEMES = frozenset({"amqp", "amqps", "redis", "rediss"})  # SQS is spoken over HTTP
_TLS_SCHEMES = frozenset({"https", "amqps", "rediss"})
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
MAX_HOST_CHARS = 253


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a connection belongs to.

    `host` is lower case and ASCII (IDNA), without the brackets of an IPv6 address; a trailing dot
    is kept, since it decides how the name is resolved.
    """

    scheme: str
    host: str
    port: int

    @property
    def is_secure(self) -> bool:
        return self.scheme in _TLS_SCHEMES

    @property
    def server_name(self) -> str:
        """The name that a certificate must carry: the host without a trailing dot."""
        return self.host.rstrip(".")

    @property
    def authority(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's own."""
        name = f"[{self.host}]" if ":" in self.host else self.server_name
        return name if self.port == DEFAULT_PORTS.get(self.scheme) else f"{name}:{self.port}"


def queue_origin(url: QueueUrl) -> Origin:
    """Where a queue's URL points; that of SQS is spoken to over HTTP."""
    if url.family == "sqs":
        return Origin("https" if url.is_secure else "http", url.host, url.port)
    return Origin(url.scheme, url.host, url.port)


def split_url(url: str) -> tuple[str, Origin]:
    """The URL normalised as `requests` will send it, and its origin.

    Raises ValueError for what is no absolute http or https URL with a usable host, and for user
    information, which has no place in a URL that is shown and logged.
    """
    if _UNSAFE.search(url):
        raise ValueError("the URL contains a space, a backslash or a control character")
    request = PreparedRequest()
    request.prepare_url(url, None)  # requests.exceptions.InvalidURL and its like are ValueErrors
    normalised = request.url or ""
    parts = urlsplit(normalised)
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("the URL is neither http nor https")
    if "@" in parts.netloc:
        raise ValueError("the URL contains a user name or password")
    host = parts.hostname or ""
    _check_host(host)
    port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    return normalised, Origin(parts.scheme, host, port)


def _check_host(host: str) -> None:
    if "%" in host:
        raise ValueError("the URL's host contains a percent sign or a zone")
    if ":" in host:
        return
    labels = host.removesuffix(".").split(".")
    if len(host) > MAX_HOST_CHARS or not all(0 < len(label) < 64 for label in labels):
        raise ValueError("the URL's host has an empty or an overlong label")
