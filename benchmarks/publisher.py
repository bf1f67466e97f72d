"""A producer of events, a program: an order in JSON on stdin, the result in JSON on stdout.

The order: `port`, `code`, `password`, `connections`, `batch` (events in a request), `seconds`,
and `rate` in requests a second, or null for as many as the service takes.
The result: `sent`, by event id the moment of its POST in seconds of the machine's monotonic clock,
of the accepted ones only; `refused`, how many requests were not answered with 202; `seconds`, how
long it took; and `cpu`, the part of a core that this program used.
"""

import base64
import http.client
import itertools
import json
import sys
import threading
import time
import uuid
from typing import Any

from benchmarks.rows import sample_text

PLACEHOLDER = "00000000-event-id"


class Publisher:
    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        token = base64.b64encode(f"{order['code']}:{order['password']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        self._numbers = itertools.count()
        self._prefix = uuid.uuid4().hex
        event = json.loads(sample_text()) | {"eventId": PLACEHOLDER}
        for name in ("orgId", "refId", "apiRequestId", "createdAt"):
            del event[name]
        self._before, self._after = json.dumps(event).split(PLACEHOLDER)
        self.sent: dict[str, float] = {}
        self.refused = 0

    def run(self) -> None:
        threads = [threading.Thread(target=self._work) for _ in range(self._order["connections"])]
        self._began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.took_s = time.monotonic() - self._began

    def _work(self) -> None:
        rate, until = self._order["rate"], self._began + self._order["seconds"]
        connection = http.client.HTTPConnection("127.0.0.1", self._order["port"], timeout=30)
        while True:
            number = next(self._numbers)
            due = self._began + number / rate if rate else time.monotonic()
            if due >= until:
                connection.close()
                return
            if (early_s := due - time.monotonic()) > 0:
                time.sleep(early_s)
            self._publish(connection, number)

    def _publish(self, connection: http.client.HTTPConnection, number: int) -> None:
        batch = self._order["batch"]
        ids = [f"{self._prefix}-{number}-{place}" for place in range(batch)]
        events = [f"{self._before}{event_id}{self._after}" for event_id in ids]
        body = events[0] if batch == 1 else f"[{','.join(events)}]"
        moment = time.monotonic()
        try:
            connection.request("POST", "/v3/events", body=body, headers=self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.refused += 1
            time.sleep(0.05)
            return
        if answer.status != http.HTTPStatus.ACCEPTED:
            self.refused += 1
            self.last_refusal = text.decode(errors="replace")[:500]
            return
        self.sent.update(dict.fromkeys(ids, moment))

    last_refusal = ""


def main() -> None:
    publisher = Publisher(json.loads(sys.stdin.readline()))
    publisher.run()
    json.dump(
        {
            "sent": publisher.sent,
            "refused": publisher.refused,
            "refusal": publisher.last_refusal,
            "seconds": publisher.took_s,
            "cpu": time.process_time() / publisher.took_s,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
