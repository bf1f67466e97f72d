"""A real RabbitMQ for tests: a node of its own on loopback, in a directory of its own.

It needs `rabbitmq-server` and Erlang: `apt-get install rabbitmq-server` (as root). They can not be
had cheaply without root: Debian's packages depend on some fifteen others, and Erlang has its
paths compiled in.
"""

import atexit
import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import amqp

from ens_project.embedded import free_port
from ens_project.guardian import Guardian

# Debian's wrapper on the PATH refuses to run for others than root and its own account.
PLACES = ("/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin")
MISSING = (
    "no RabbitMQ was found: install it with `apt-get install rabbitmq-server`, or put"
    " rabbitmq-server and Erlang on the PATH"
)
START_S = 60.0


def find_server() -> Path | None:
    """The program that starts a node; None if there is none, or no Erlang."""
    if shutil.which("erl") is None:
        return None
    for place in PLACES:
        if (Path(place) / "rabbitmq-server").is_file():
            return Path(place) / "rabbitmq-server"
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


class RabbitMq:
    """A node with the vhost `/` and users `ens` and `reader`, who may not write."""

    def __init__(self, directory: Path, guardian: Guardian) -> None:
        server = find_server()
        assert server is not None
        self._server, self._directory, self._guardian = server, directory, guardian
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._epmd_port, self._dist_port = free_port(), free_port(), free_port()
        self.password = secrets.token_hex(8) + "/p@ss"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "definitions.json").write_text(json.dumps(self._definitions()))
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"load_definitions = {directory}/definitions.json\n"
            "max_message_size = 1048576\n"
            "log.console = false\n"
        )
        (directory / "enabled_plugins").write_text("[].\n")
        # Started by the node it would be a daemon, and outlive it.
        guardian.popen(
            [shutil.which("epmd") or "epmd"], env=self._environment(), stdin=subprocess.DEVNULL
        )

    def url(self, path: str, user: str = "ens", password: str | None = None) -> str:
        """Of an exchange: `url("orders?routing_key=new")`."""
        told = quote(self.password if password is None else password, safe="")
        return f"amqp://{user}:{told}@127.0.0.1:{self.port}/{path}"

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        """One of py-amqp's, as the user `ens`."""
        client = amqp.Connection(f"127.0.0.1:{self.port}", userid="ens", password=self.password)
        client.connect()
        yield client.channel()
        client.close()

    def declare(self, queue: str) -> None:
        """A durable queue."""
        with self.channel() as channel:
            channel.queue_declare(queue, durable=True, auto_delete=False)

    def start(self) -> None:
        """Until it takes connections."""
        log = self._directory / "output.log"
        with log.open("ab") as output:
            self._process = self._guardian.popen(
                [str(self._server)],
                env=self._environment(),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            is_gone = self._process.poll() is not None
            if is_gone or time.monotonic() > deadline:
                raise AssertionError(log.read_text(errors="replace"))
            time.sleep(0.05)

    def stop(self) -> None:
        """In an orderly way; queues and persistent messages stay."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._guardian.end_group(process)

    def _answers(self) -> bool:
        """A node says who it is as soon as it is asked in AMQP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as sock:
                sock.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(sock.recv(1))
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        directory = str(self._directory)
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "HOME": directory,  # of the cookie
            "RABBITMQ_NODENAME": f"ens{self.port}@localhost",
            "RABBITMQ_BASE": directory,
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/none",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": f"{directory}/log",
            "RABBITMQ_PID_FILE": f"{directory}/pid",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"
            ),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _definitions(self) -> dict[str, Any]:
        everything = {"vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
        return {
            "users": [
                {"name": "ens", "password": self.password, "tags": ""},
                {"name": "reader", "password": self.password, "tags": ""},
            ],
            "vhosts": [{"name": "/"}, {"name": "brand/a"}],
            "permissions": [
                {"user": "ens", **everything},
                {"user": "ens", **everything, "vhost": "brand/a"},
                {"user": "reader", **everything, "write": "^$"},
            ],
        }


@functools.cache
def shared() -> RabbitMq:
    """One node for all tests of this process: it takes seconds to start."""
    directory = Path(tempfile.mkdtemp(prefix="ens-rabbitmq-"))
    guardian = Guardian()
    node = RabbitMq(directory, guardian)
    node.start()

    def end() -> None:
        guardian.close()
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(end)
    return node
