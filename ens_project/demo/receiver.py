"""The demo's receiver: what a brand would run to get its events, as small as it can be."""

import base64
import hmac
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple

MAX_BODY_BYTES = 8 * 1024 * 1024
TOLERANCE_S = 300
SECRET_PREFIX = "whsec_"  # noqa: S105  how every signing secret begins
MAX_SHOWN = 64
MAIN_PATH = "/events"
ENRICHED_PATH = "/crm"
# What an enriched event has under these names, at any place of it.
ENRICHED = ("till", "store", "instore", "wechat", "cardNumbers", "AvailablePointsBalance")

_UNPRINTABLE = re.compile(r"[^!-~]")


@dataclass(frozen=True)
class Expected:
    """What an event that is really for us carries: one of the secrets' signatures, this header."""

    signing_secrets: tuple[str, ...]
    authorization: str

    def is_signed(self, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
        """After the Standard Webhooks specification, not older than five minutes.

        Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        """
        message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        try:
            if abs(now_s - int(timestamp)) > TOLERANCE_S:
                return False
        except ValueError:
            return False
        signed = f"{message_id}.{timestamp}.".encode() + body
        offered = headers.get("webhook-signature", "").split(" ")
        return any(
            _is_same(f"v1,{_signature(secret, signed)}", signature)
            for secret in self.signing_secrets
            for signature in offered
        )

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return _is_same(self.authorization, headers.get("authorization", ""))


class Judgement(NamedTuple):
    """How a request is answered, and why, in words."""

    status: HTTPStatus
    words: str


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _is_same(expected: str, offered: str) -> bool:
    return hmac.compare_digest(expected.encode(), offered.encode())


class DemoReceiver(ThreadingHTTPServer):
    """Answers 204 to what is signed and authorised, 401 to all else; writes a line for each.

    `expect` tells what to look for at each path that is listened on; it is asked again when
    something does not fit, because secrets and headers may have been changed. `refused_at_first`
    tells at which paths how many requests are answered with 503 before all is well. Raises
    OSError when the port is taken.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        expect: Callable[[], Mapping[str, Expected]],
        write_line: Callable[[str], object],
        refused_at_first: Mapping[str, int] | None = None,
    ) -> None:
        self._expect = expect
        self._write_line = write_line
        self._lock = threading.Lock()
        self._expected = expect()
        self._refusals = dict(refused_at_first or {})
        super().__init__(address, _Handler)

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> Judgement:
        flaw = _flaw(self._expected.get(path), headers, body)
        if flaw:
            with self._lock:
                self._expected = self._expect()
            flaw = _flaw(self._expected.get(path), headers, body)
        if flaw:
            return Judgement(HTTPStatus.UNAUTHORIZED, flaw)
        if self._refuses(path):
            return Judgement(HTTPStatus.SERVICE_UNAVAILABLE, "answered 503, as if it were down")
        return Judgement(HTTPStatus.NO_CONTENT, "signature ok")

    def _refuses(self, path: str) -> bool:
        with self._lock:
            left = self._refusals.get(path, 0)
            self._refusals[path] = max(left - 1, 0)
        return left > 0

    def report(self, line: str) -> None:
        with self._lock:
            self._write_line(line)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that goes away is no reason for a traceback."""
        self.report(f"a request was not read to its end ({type(sys.exception()).__name__})")


def _flaw(expected: Expected | None, headers: Mapping[str, str], body: bytes) -> str:
    """ "" when the request is really for us, else what is wrong with it."""
    if expected is None:
        return "nobody is here"
    if not expected.is_authorized(headers):
        return "authorization WRONG"
    if not expected.is_signed(headers, body, time.time()):
        return "signature WRONG"
    return ""


class _Handler(BaseHTTPRequestHandler):
    server: DemoReceiver
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = 120.0  # of a connection that nobody uses
    server_version = "ens-demo-receiver"
    sys_version = ""

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        judgement = self.server.judge(self.path, headers, body)
        self._answer(judgement.status)
        self.server.report(_line(self.path, headers, body, judgement.words, time.time()))

    def do_PUT(self) -> None:
        self.do_POST()

    def _body(self) -> bytes | None:
        """None when the request tells no length that can be read; it is answered then."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            status = HTTPStatus.LENGTH_REQUIRED
        elif int(length) > MAX_BODY_BYTES:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                raise ConnectionResetError
            return body
        self.close_connection = True
        self._answer(status)
        self.server.report(f"refused with {status.value} {status.phrase}")
        return None

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name in the base
        """Nothing: there is one line for each event."""


def _line(path: str, headers: Mapping[str, str], body: bytes, judgement: str, now_s: float) -> str:
    """What may be told of an event without showing its data; one line of printable characters."""
    name, age, enriched = "?", "", ""
    try:
        event = json.loads(body)
        name = _shown(str(event["eventName"]))
        age = f", {now_s * 1000 - event['createdAt']:.0f} ms"
        enriched = ", ".join(key for key in ENRICHED if f'"{key}"'.encode() in body)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        pass  # no event of ours, or one whose producer wrote no time
    message_id = _shown(headers.get("webhook-id", "?"))
    place = "" if path == MAIN_PATH else f", at {_shown(path)}"
    known = f" with {enriched}" if path == ENRICHED_PATH and enriched else ""
    return f"{name:<22} {message_id:<36} {len(body):>5} B, {judgement}{age}{place}{known}"


def _shown(text: str) -> str:
    return _UNPRINTABLE.sub("?", text[:MAX_SHOWN])
