"""The processes of the service, started as its supervisor starts them."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import Popen

from benchmarks import rows
from benchmarks.place import Place, wait_until
from benchmarks.receivers import Receiver
from ens_project import supervisor
from ens_project.embedded import free_port


def _plan(port: int) -> supervisor.Plan:
    return supervisor.Plan(
        data_dir=Path(os.environ["ENS_DATA_DIR"]),
        host="127.0.0.1",
        port=port,
        web_processes=1,
        workers=2,
        demo=False,
        allowed_hosts=("localhost",),
        environ=dict(os.environ),
    )


@contextlib.contextmanager
def workers(place: Place, count: int = 2) -> Iterator[list[Popen[bytes]]]:
    """Worker processes, up and looking for work."""
    plan = _plan(0)
    with contextlib.ExitStack() as stack:
        processes = []
        for number in range(1, count + 1):
            program = supervisor.worker_program(plan, number)
            env = {**program.env, "PGAPPNAME": f"ens-{program.name}"}
            processes.append(
                stack.enter_context(place.process(program.argv, env=env, name=program.name))
            )
        wait_until(lambda: _connected_workers() >= count, "the workers' engines are up", 60, 0.1)
        yield processes


def _connected_workers() -> int:
    """Worker processes whose engine has swept once: it has a database connection then."""
    found = rows.database().execute(
        "SELECT count(DISTINCT application_name) FROM pg_stat_activity"
        " WHERE application_name LIKE 'ens-worker%'"
    )
    row = found.fetchone()
    return int(row[0]) if row else 0


def wake(webhook_ids: Sequence[int]) -> None:
    from delivery import tasks

    tasks.waker().soon(webhook_ids)


def deliver_all(webhook_ids: Sequence[int]) -> float:
    """Let rows that wait for inactive webhooks go; seconds from the wake-up to the last record."""
    began = time.monotonic()
    rows.activate(webhook_ids)
    wake(webhook_ids)
    rows.wait_for_records()
    return time.monotonic() - began


@contextlib.contextmanager
def subscribed(url: str) -> Iterator[int]:
    """An active webhook that gets every event of the samples' type, and nobody else does."""
    webhook_id = rows.make_webhook(url, events=[rows.EVENT_NAME])
    rows.activate([webhook_id])
    try:
        yield webhook_id
    finally:
        rows.deactivate([webhook_id])


@contextlib.contextmanager
def hanging(receiver: Receiver, webhook_id: int, *, at_least: int) -> Iterator[None]:
    """The webhook's rows are sent to a receiver that holds so many requests and answers none.

    Afterwards the webhook is inactive, and as if nothing had been tried.
    """
    receiver.control("reset")
    rows.activate([webhook_id])
    wake([webhook_id])
    wait_until(
        lambda: receiver.control("count")["most_at_once"] >= at_least,
        f"{at_least} requests hang",
        60,
        0.1,
    )
    try:
        yield
    finally:
        rows.deactivate([webhook_id])
        receiver.control("release")
        wait_until(rows.none_in_flight, "what hung is recorded as reset", 60, 0.1)
        rows.forget_health(webhook_id)


@contextlib.contextmanager
def web(place: Place, prefix: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """The web server: its port, and the id of its process."""
    plan = _plan(free_port())
    program = supervisor.web_program(plan)
    argv = [*prefix, *program.argv]
    with place.process(argv, env=program.env, name=program.name) as process:
        wait_until(lambda: supervisor.is_ready(plan), "the web answers /readyz", 60, 0.1)
        yield plan.port, process.pid
