"""kill -9 of each process in turn, under load: what is lost, and what comes twice.

The whole tree runs as one command starts it, with a broker of its own. The supervisor is the last
victim of a round, and is started again by hand.
"""

import contextlib
import os
import re
import signal
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from benchmarks import rows, service
from benchmarks.cpu import children_of
from benchmarks.place import ROOT, BenchmarkError, Place, python_program, wait_until
from benchmarks.publishing import Published, publishing, result
from benchmarks.receivers import Receiver, bundled_receiver
from benchmarks.report import Report
from ens_project.embedded import free_port

RATE = 100
BETWEEN_S = 4.0
START_S = 15.0
SETTLE_S = 200.0  # two leases: what a killed worker held becomes due with the end of its lease
SUPERVISOR = "supervisor"


def measure(place: Place, report: Report, options: Namespace) -> None:
    rows.clear()
    environment = _environment(place)
    with (
        bundled_receiver(place) as receiver,
        service.subscribed(receiver.url("/ok")),
        contextlib.ExitStack() as stack,
    ):
        tree = stack.enter_context(_up(place, environment))
        victims = [*sorted(_children(tree)), SUPERVISOR]
        seconds = options.rounds * (len(victims) * BETWEEN_S + START_S)
        port = int(environment["ENS_PORT"])
        with publishing(place, port, seconds=seconds, rate=RATE) as producer:
            for victim in victims * options.rounds:
                time.sleep(BETWEEN_S)
                report.say(f"kill -9: {victim}")
                if victim == SUPERVISOR:
                    os.kill(tree, signal.SIGKILL)
                    tree = stack.enter_context(_up(place, environment))
                else:
                    _kill(tree, victim)
            published = result(producer)
        _conclude(report, receiver, published, len(victims) * options.rounds)


def _environment(place: Place) -> dict[str, str]:
    """Without REDIS_URL, so that the tree has a broker of its own."""
    names = ("REDIS_URL", "ENS_TEST_REDIS_URL", "CELERY_BROKER_URL")
    data = place.directory / "data"
    data.mkdir()
    return {name: value for name, value in os.environ.items() if name not in names} | {
        "ENS_DATA_DIR": str(data),
        "ENS_PORT": str(free_port()),
        "ENS_WORKERS": "2",
    }


@contextlib.contextmanager
def _up(place: Place, environment: dict[str, str]) -> Iterator[int]:
    """The supervisor's process id, once the web answers."""
    log = place.directory / f"up-{time.monotonic_ns()}.log"
    argv = [python_program("up")[0], "manage.py", "up"]
    with log.open("wb") as output:
        process = place.guardian.popen(
            argv, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        wait_until(
            lambda: b"Ready on" in log.read_bytes() or process.poll() is not None,
            f"the tree is up: see {log}",
            90,
            0.1,
        )
        if process.poll() is not None:
            raise BenchmarkError(f"up ended: {log.read_text(errors='replace')[-3000:]}")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)
        place.guardian.end_group(process)


def _children(tree: int) -> dict[str, int]:
    """What the supervisor runs now, and the web's own child: process ids by name."""
    found: dict[str, int] = {}
    for pid in children_of(tree):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        if worker := re.search(r"worker[0-9]+(?=@)", command):
            found[worker[0]] = pid
        elif "gunicorn" in command:
            found["web"] = pid
            found |= {f"web's child {n}": child for n, child in enumerate(children_of(pid))}
        elif "valkey" in command or "redis-server" in command:
            found["broker"] = pid
    return found


def _kill(tree: int, victim: str) -> None:
    wait_until(lambda: victim in _children(tree), f"{victim} runs", 30, 0.1)
    os.kill(_children(tree)[victim], signal.SIGKILL)


def _conclude(report: Report, receiver: Receiver, published: Published, kills: int) -> None:
    accepted = published.sent

    def missing(times: dict[str, list[float]]) -> int:
        return sum(event_id not in times for event_id in accepted)

    with contextlib.suppress(BenchmarkError):
        wait_until(lambda: not missing(receiver.control("times")), "all came", SETTLE_S, 1.0)
    times = receiver.control("times")
    doubled = sum(len(times[event_id]) - 1 for event_id in accepted if event_id in times)
    report.figure("events accepted during the kills", len(accepted), "{:,.0f}")
    report.figure("requests that were not accepted meanwhile", published.refused, "{:,.0f}")
    report.figure("kills", kills, "{:,.0f}")
    report.figure("sent more than once", doubled, "{:,.0f}")
    report.target("lost", missing(times))
