"""A server that speaks SQS's JSON protocol on loopback, for one queue.

It checks what SQS checks: the signature, the queue, the attributes and the size.
"""

import hashlib
import hmac
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

KEY, SECRET, REGION = "AKIAEXAMPLE", "s/ecr+et", "eu-west-1"
MAX_BYTES = 262_144


class Sqs:
    """`messages` are the parameters of those that were taken; `fails` is answered instead."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.connections: set[Any] = set()
        self.fails: tuple[int, str] | None = None
        self.lies = False
        handler = type("Handler", (_Handler,), {"queue": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, name: str = "orders", key: str = KEY, secret: str = "s%2Fecr%2Bet") -> str:
        return f"sqs://{key}:{secret}@127.0.0.1:{self.port}/1/{name}?region={REGION}&tls=off"

    def answer(self, headers: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body for a request."""
        if self.fails is not None:
            return _error(*self.fails)
        if f"Credential={KEY}/" not in headers["authorization"]:
            return _error(403, "UnrecognizedClientException")
        if not self._is_signed(headers, body):
            return _error(403, "SignatureDoesNotMatch")
        asked = json.loads(body)
        name = asked["QueueUrl"].rpartition("/")[2]
        if name not in ("orders", "orders.fifo"):
            return _error(400, "QueueDoesNotExist")
        attributes = asked.get("MessageAttributes", {})
        text = asked["MessageBody"].encode()
        size = len(text) + sum(
            len(key) + len(value["StringValue"]) for key, value in attributes.items()
        )
        if len(attributes) > 10 or size > MAX_BYTES:
            return _error(400, "InvalidParameterValue")
        if name.endswith(".fifo") and "MessageGroupId" not in asked:
            return _error(400, "MissingParameter")
        self.messages.append(asked)
        digest = hashlib.md5(b"another" if self.lies else text, usedforsecurity=False).hexdigest()
        return 200, {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": digest}

    @staticmethod
    def _is_signed(headers: Any, body: bytes) -> bool:
        """As the server's side of AWS's description does it, from what came."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/sqs/aws4_request,"
            r" SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            headers["authorization"],
        )
        if found is None or found[3] != REGION or not headers["x-amz-date"].startswith(found[2]):
            return False
        canonical = ["POST", "/", ""]
        canonical += [f"{name}:{headers[name].strip()}" for name in sorted(found[4].split(";"))]
        canonical += ["", found[4], hashlib.sha256(body).hexdigest()]
        request = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        scope = f"{found[2]}/{REGION}/sqs/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{request}"
        by_date = _hmac(f"AWS4{SECRET}".encode(), found[2])
        by_service = _hmac(_hmac(by_date, REGION), "sqs")
        return _hmac(_hmac(by_service, "aws4_request"), text).hex() == found[5]


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _error(status: int, name: str) -> tuple[int, dict[str, Any]]:
    return status, {"__type": f"com.amazonaws.sqs#{name}", "message": "no"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    queue: ClassVar[Sqs]

    def do_POST(self) -> None:
        self.queue.connections.add(self.client_address)
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = self.queue.answer(self.headers, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing is said."""
