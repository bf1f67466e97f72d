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
from typing import Any, ClassVar

MAX_BODY_BYTES = 8 * 1024 * 1024
TOLERANCE_S = 300
SECRET_PREFIX = "whsec_"  # noqa: S105  how every signing secret begins
MAX_SHOWN = 64

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


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _is_same(expected: str, offered: str) -> bool:
    return hmac.compare_digest(expected.encode(), offered.encode())


class DemoReceiver(ThreadingHTTPServer):
    """Answers 204 to what is signed and authorised, 401 to all else; writes a line for each.

    `expect` tells what to look for; it is asked again when something does not fit, because
    secrets and headers may have been changed. Raises OSError when the port is taken.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        expect: Callable[[], Expected],
        write_line: Callable[[str], object],
    ) -> None:
        self._expect = expect
        self._write_line = write_line
        self._lock = threading.Lock()
        self._expected = expect()
        super().__init__(address, _Handler)

    def judge(self, headers: Mapping[str, str], body: bytes) -> str:
        """ "" when the request is really for us, else what is wrong with it."""
        flaw = _flaw(self._expected, headers, body)
        if flaw:
            with self._lock:
                self._expected = self._expect()
            flaw = _flaw(self._expected, headers, body)
        return flaw

    def report(self, line: str) -> None:
        with self._lock:
            self._write_line(line)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that goes away is no reason for a traceback."""
        self.report(f"a request was not read to its end ({type(sys.exception()).__name__})")


def _flaw(expected: Expected, headers: Mapping[str, str], body: bytes) -> str:
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
        flaw = self.server.judge(headers, body)
        self._answer(HTTPStatus.UNAUTHORIZED if flaw else HTTPStatus.NO_CONTENT)
        self.server.report(_line(headers, body, flaw or "signature ok", time.time()))

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


def _line(headers: Mapping[str, str], body: bytes, judgement: str, now_s: float) -> str:
    """What may be told of an event without showing its data; one line of printable characters."""
    name, age = "?", ""
    try:
        event = json.loads(body)
        name = _shown(str(event["eventName"]))
        age = f", {now_s * 1000 - event['createdAt']:.0f} ms"
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        pass  # no event of ours, or one whose producer wrote no time
    message_id = _shown(headers.get("webhook-id", "?"))
    return f"{name:<22} {message_id:<36} {len(body):>5} B, {judgement}{age}"


def _shown(text: str) -> str:
    return _UNPRINTABLE.sub("?", text[:MAX_SHOWN])
