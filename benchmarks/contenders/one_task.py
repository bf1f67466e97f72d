"""The plain Celery design: a task for each delivery, two prefork children, acks late."""

import contextlib
import time
from collections.abc import Iterator, Sequence

from benchmarks import rows
from benchmarks.contenders import Contender
from benchmarks.contenders.queued import broker_url, parked, release
from benchmarks.place import Place, python_program
from benchmarks.receivers import Receiver

MODULE = "benchmarks.contenders.one_task_worker"
WARM_UP = 100


class OneTask(Contender):
    name = "one task per delivery"
    share = 1 / 3

    @contextlib.contextmanager
    def ready(self, place: Place, receiver: Receiver) -> Iterator[None]:
        options = ("-P", "prefork", "-c", "2", "--without-gossip", "--without-mingle")
        argv = python_program("celery", "--quiet", "-A", MODULE, "worker", *options)
        with place.process(argv, name="one-task") as process:
            self.processes = [process]
            self.deliver([receiver.url("/ok/warm")], WARM_UP)
            yield

    def deliver(self, urls: Sequence[str], count: int) -> float:
        from benchmarks.contenders.one_task_worker import QUEUE, deliver

        rows.clear()
        rows.insert_deliveries([rows.make_webhook(url) for url in urls], count)
        for delivery_id in rows.delivery_ids():
            deliver.apply_async((str(delivery_id),), queue=parked(QUEUE))
        began = time.monotonic()
        release(broker_url(5), QUEUE, count)
        rows.wait_for_records()
        return time.monotonic() - began

    def recorded(self) -> tuple[int, int] | None:
        return rows.outcome()
