"""The v3 API as its users see it: over HTTP, signed in with a credential."""

import base64
import contextlib
import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

TIMEOUT_S = 60.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared only


class NoAnswer(Exception):
    """Nothing that could be the API answers there; the text tells what happened instead."""


def local_host(host: str) -> str:
    """Where this machine reaches a server that listens on `host`."""
    return EVERYWHERE.get(host, host)


def local_url(host: str, port: int) -> str:
    """Likewise, of the web."""
    host = local_host(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(frozen=True)
class Answer:
    """`data` and `errors` of the envelope. `retry_after_s` None: the answer names no time."""

    status: int
    data: Any
    errors: list[dict[str, Any]]
    retry_after_s: int | None
    duration_ms: float

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """What the first errors say, on one line."""
        told = [
            f"{error['field']}: {error['message']}" if error.get("field") else error["message"]
            for error in self.errors[:3]
        ]
        more = f" (and {len(self.errors) - 3} more)" if len(self.errors) > 3 else ""
        return " ".join(map(str, told)) + more or http.client.responses.get(self.status, "")


@dataclass(frozen=True)
class Client:
    """Raises ValueError for what is no http or https URL with a host."""

    url: str
    code: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        parts = self._parts
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("use http://host:port or https://host:port")

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    def get(self, path: str) -> Answer:
        """`path` below the URL, quoted. Raises NoAnswer."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> Answer:
        """Raises NoAnswer."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        begun = time.monotonic()
        try:
            connection = kind(self._parts.hostname or "", self._parts.port, timeout=TIMEOUT_S)
            with contextlib.closing(connection):
                target = self._parts.path.rstrip("/") + path
                # A server that refuses a body need not read it; its answer tells why.
                with contextlib.suppress(BrokenPipeError):
                    connection.request(method, target, body, self._headers())
                response = connection.getresponse()
                text = response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            what = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise NoAnswer(f"{self.url} can not be reached: {what}.") from error
        duration_ms = (time.monotonic() - begun) * 1000
        return _answer(self.url, response, text, duration_ms)

    def _headers(self) -> dict[str, str]:
        pair = f"{self.code}:{self.password}".encode()
        return {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }


def _answer(
    url: str, response: http.client.HTTPResponse, text: bytes, duration_ms: float
) -> Answer:
    """Raises NoAnswer when it is not in the API's envelope."""
    try:
        envelope = json.loads(text)
        data, errors = envelope["data"], envelope["errors"]
    except (ValueError, TypeError, LookupError, RecursionError):
        message = f"{url} answers {response.status}, but not as the v3 API does."
        raise NoAnswer(message) from None
    wait = response.getheader("Retry-After", "")
    retry_after_s = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 10 else None
    return Answer(response.status, data, errors or [], retry_after_s, duration_ms)
