"""A client of the v3 API, with nothing of the project's own code in it."""

import base64
import contextlib
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    data: Any
    errors: Any
    duration_s: float


@dataclass(frozen=True)
class Api:
    """The API on loopback, as the holder of a credential uses it."""

    port: int
    code: str
    password: str

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, body: object) -> Answer:
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Raises OSError or HTTPException when no whole answer comes."""
        pair = base64.b64encode(f"{self.code}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        begun = time.monotonic()
        target = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        with contextlib.closing(target) as connection:
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            envelope = json.loads(response.read())
        took_s = time.monotonic() - begun
        return Answer(response.status, envelope["data"], envelope["errors"], took_s)
