"""Receivers in a process of their own: `python -m tests.proof.receiving <how many>`.

The first line it writes is a JSON list of their ports. Every line that it reads is a question,
the number of a receiver and a word of QUESTIONS; every further line is the answer, in JSON.
It ends with its standard input.
"""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.receiver import Receiver


class CountingReceiver(Receiver):
    @property
    def in_flight(self) -> int:
        with self._changed:
            return self._concurrency

    @property
    def open_connections(self) -> int:
        with self._changed:
            return len(self._sockets)

    def peak(self) -> int:
        """The most requests that were in the works at one moment since the last question."""
        with self._changed:
            peak, self.max_concurrency = self.max_concurrency, self._concurrency
            return peak

    def copies(self) -> dict[str, int]:
        """How often each event came, by its id in the body."""
        return Counter(json.loads(request.body)["eventId"] for request in self.requests)

    def shown(self) -> list[dict[str, Any]]:
        return [
            {
                "method": request.method,
                "target": request.target,
                "headers": request.headers,
                "body": request.body.decode(),
            }
            for request in self.requests
        ]


QUESTIONS: dict[str, Callable[[CountingReceiver], Any]] = {
    "total": lambda receiver: len(receiver.requests),
    "peak": CountingReceiver.peak,
    "in_flight": lambda receiver: receiver.in_flight,
    "connections": lambda receiver: receiver.connections,
    "open_connections": lambda receiver: receiver.open_connections,
    "copies": CountingReceiver.copies,
    "requests": CountingReceiver.shown,
}


def main() -> None:
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(CountingReceiver()) for _ in range(int(sys.argv[1]))]
        say([receiver.port for receiver in receivers])
        for line in sys.stdin:
            number, question = line.split()
            say(QUESTIONS[question](receivers[int(number)]))


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
