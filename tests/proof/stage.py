"""The real processes: web, workers, Redis and receivers, as an installation runs them.

The database is the one that pytest-django made for this test, so the test sees every row and can
move the moments in them. Redis is a server of its own: it may be emptied, stopped and killed.
Whatever was started is killed when the stage is left, and also when the tests' process dies.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import redis
from django.db import connection

from delivery.engine.semaphore import EPOCH_KEY
from ens_project import embedded, supervisor
from ens_project.guardian import Guardian
from tests.proof.deadline import Deadline

ROOT = Path(__file__).resolve().parent.parent.parent
STARTING_S = 60.0


class Process:
    """A program with its own process group, its output in a file."""

    def __init__(
        self, guardian: Guardian, argv: Sequence[str], environ: Mapping[str, str], log: Path
    ) -> None:
        self._guardian = guardian
        self._log = log
        self._is_over = False
        with log.open("ab") as output:
            self._process = guardian.popen(
                argv,
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """As `kill -9` of the program and of all that it started."""
        if not self._is_over:  # else its number may be another's by now
            self._is_over = True
            self._guardian.end_group(self._process)
            self._process.wait()

    def wait_until_killed(self, what: str) -> None:
        """Until it has died as by `kill -9`, without our doing."""
        Deadline(60).wait_for(lambda: self._process.poll() is not None, what)
        assert self._process.returncode == -signal.SIGKILL, self.output
        self.kill()


class RedisServer:
    """An embedded Valkey. It is old from the beginning: an empty one would give no slots yet."""

    def __init__(self, guardian: Guardian, directory: Path) -> None:
        self._guardian = guardian
        self._server = embedded.Valkey(
            data_dir=directory, password=secrets.token_hex(16), port=embedded.free_port()
        )
        self.url = self._server.url
        # Any: the types of its answers depend on what was asked for.
        self.client: Any = redis.Redis.from_url(self.url)
        self.start()
        self.client.set(EPOCH_KEY, 1)

    def start(self) -> None:
        self._process = self._server.start(self._guardian)

    def kill(self) -> None:
        self._guardian.end_group(self._process)
        self._process.wait()

    def suspend(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class Receivers:
    """`count` receivers in one process of their own."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> "Sequence[RemoteReceiver]":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.receiving", str(self._count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        ports = self._read()
        return [RemoteReceiver(self, number, port) for number, port in enumerate(ports)]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, number: int, question: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number} {question}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class RemoteReceiver:
    process: Receivers
    number: int
    port: int

    def url(self, target: str = "/status/200") -> str:
        """The path names the behaviour, see `tests.behaviours`."""
        return f"http://127.0.0.1:{self.port}{target}"

    @property
    def total(self) -> int:
        """How many requests have come."""
        return cast("int", self.process.ask(self.number, "total"))

    def peak(self) -> int:
        """The most requests that it had in the works at one moment since it was last asked."""
        return cast("int", self.process.ask(self.number, "peak"))

    @property
    def in_flight(self) -> int:
        return cast("int", self.process.ask(self.number, "in_flight"))

    @property
    def connections(self) -> int:
        """How many have ever been opened."""
        return cast("int", self.process.ask(self.number, "connections"))

    @property
    def open_connections(self) -> int:
        return cast("int", self.process.ask(self.number, "open_connections"))

    def wait_until_left(self) -> None:
        """Until it has read all that its senders, who are dead, have sent."""
        # Connections are accepted in their order: who is served now came after them.
        with socket.create_connection(("127.0.0.1", self.port)) as knock:
            knock.shutdown(socket.SHUT_WR)
            knock.recv(1)
        Deadline().wait_for(lambda: not self.open_connections, "all connections are closed")

    @property
    def copies(self) -> dict[str, int]:
        """How often each event came, by event id."""
        return cast("dict[str, int]", self.process.ask(self.number, "copies"))

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Method, target, headers (lower-case names) and body of each, in their order."""
        return cast("list[dict[str, Any]]", self.process.ask(self.number, "requests"))


class Stage:
    """Starts the processes of one installation in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._workers = 0
        self._started: list[Process] = []
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._guardian = Guardian()
        self._exits.callback(self._guardian.close)
        self.redis = RedisServer(self._guardian, self._directory / "valkey")
        self._exits.callback(self.redis.kill)
        self._exits.callback(self.redis.client.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._started:
            process.kill()
            sys.stdout.write(process.output)  # pytest shows it when the test has failed
        self._exits.close()

    def receivers(self, count: int) -> "Sequence[RemoteReceiver]":
        return self._exits.enter_context(Receivers(count))

    def receiver(self) -> RemoteReceiver:
        return self.receivers(1)[0]

    def start_web(self) -> int:
        """Its port, once it takes requests."""
        plan = self._plan()
        self._start(supervisor.web_program(plan).argv, plan.environ, "web")
        Deadline(STARTING_S).wait_for(lambda: supervisor.is_ready(plan), "the web is ready")
        return plan.port

    def start_worker(self, *, failpoint: str = "") -> Process:
        """Returns at once. `failpoint` is `name@n`, see delivery/engine/failpoints.py."""
        self._workers += 1
        plan = self._plan(ENS_FAILPOINT=failpoint)
        program = supervisor.worker_program(plan, self._workers)
        return self._start(program.argv, plan.environ, program.name)

    def wait_for_workers(self, count: int) -> None:
        """Until so many wait for messages."""
        client = self.redis.client
        Deadline(STARTING_S).wait_for(
            lambda: client.info("clients")["blocked_clients"] == count, f"{count} workers listen"
        )

    def _start(self, argv: Sequence[str], environ: Mapping[str, str], name: str) -> Process:
        process = Process(self._guardian, argv, environ, self._directory / f"{name}.log")
        self._started.append(process)
        return process

    def _plan(self, **variables: str) -> supervisor.Plan:
        return supervisor.Plan(
            data_dir=self._directory,
            host="127.0.0.1",
            port=embedded.free_port(),
            web_processes=1,
            workers=1,
            demo=False,
            allowed_hosts=("127.0.0.1",),
            environ=os.environ
            | {
                "DATABASE_URL": database_url(),
                "REDIS_URL": self.redis.url,
                "CELERY_BROKER_URL": "",
                "ENS_DATA_DIR": str(self._directory),
            }
            | variables,
        )


def database_url() -> str:
    """Of the database that this test uses."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
