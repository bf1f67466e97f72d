"""Ours: two real workers, woken for rows that wait."""

import contextlib
from collections.abc import Iterator, Sequence

from benchmarks import rows, service
from benchmarks.contenders import Contender
from benchmarks.place import Place
from benchmarks.receivers import Receiver

WARM_UP = 1_000


class Engine(Contender):
    name = "engine"
    share = 1.0

    def __init__(self, *, limit: int = 100) -> None:
        self._limit = limit
        self._webhooks: dict[str, int] = {}

    @contextlib.contextmanager
    def ready(self, place: Place, receiver: Receiver) -> Iterator[None]:
        self._webhooks = {}
        with service.workers(place) as self.processes:
            # Several webhooks, so that both workers get to send.
            self.deliver([receiver.url(f"/ok/warm/{number}") for number in range(8)], WARM_UP)
            yield

    def deliver(self, urls: Sequence[str], count: int) -> float:
        rows.clear()
        for url in urls:
            if url not in self._webhooks:
                self._webhooks[url] = rows.make_webhook(url, max_connections=self._limit)
        ids = [self._webhooks[url] for url in urls]
        rows.deactivate(ids)
        rows.insert_deliveries(ids, count)
        return service.deliver_all(ids)

    def recorded(self) -> tuple[int, int] | None:
        return rows.outcome()
