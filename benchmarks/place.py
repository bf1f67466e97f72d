"""Where a benchmark runs: a fresh PostgreSQL and Valkey, our settings, a receiver, child processes.

Nothing is shared with an installation: data, secrets and ports are made anew for each run.
"""

import base64
import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ens_project.guardian import Guardian

ROOT = Path(__file__).resolve().parent.parent
UNLIMITED = str(10**9)
_BLOCK = bytes(64)


class BenchmarkError(Exception):
    """A figure can not be had; the text says why."""


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float, every_s: float) -> None:
    """Raises BenchmarkError when the condition does not come true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"Not within {timeout_s:.0f} s: {what}")
        time.sleep(every_s)


def prepare_environment(*, is_durable: bool) -> None:
    """Start the databases, name them in the environment, load Django. Once for each process."""
    from tests import services  # it starts servers; nothing else of the tests is used

    if is_durable:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            del services.POSTGRES_SETTINGS[name]
    os.environ |= {
        "ENS_SECRET_KEY": secrets.token_urlsafe(50),
        "ENS_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "ENS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ENS_HTTPS": "0",
        "ENS_LOG_LEVEL": "WARNING",
        "ENS_REQUESTS_PER_MINUTE": UNLIMITED,
        "ENS_EVENTS_PER_MINUTE": UNLIMITED,
        "DJANGO_SETTINGS_MODULE": "ens_project.settings",
    }
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ENS_DATA_DIR"):
        os.environ.pop(name, None)
    services.provide_services()

    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


class Place:
    """Child processes and a scratch directory; everything ends with the context."""

    def __init__(self) -> None:
        self._running = contextlib.ExitStack()

    def __enter__(self) -> "Place":
        self.directory = Path(tempfile.mkdtemp(prefix="ens-benchmark-"))
        self._running.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.guardian = Guardian()
        self._running.callback(self.guardian.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @contextlib.contextmanager
    def process(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        name: str,
        ends_with: signal.Signals = signal.SIGTERM,
        **options: Any,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program while the context lasts. A failure inside shows its output."""
        log = self.directory / f"{name}-{secrets.token_hex(3)}.log"
        with log.open("wb") as output:
            process = self.guardian.popen(
                argv,
                env={**os.environ, **(env or {})},
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", output),
                stderr=output,
                **{"cwd": ROOT, **options},
            )
        try:
            yield process
            if process.poll():
                raise BenchmarkError(f"{name} ended with status {process.returncode}.")
        except BenchmarkError as error:
            said = log.read_text(errors="replace")[-1200:].strip()
            if said:
                error.add_note(f"--- {name} ---\n{said}")
            raise
        finally:
            process.send_signal(ends_with)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.guardian.end_group(process)


def python_program(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def load_average() -> list[float]:
    return [round(value, 2) for value in os.getloadavg()]


def wait_for_quiet(most: float, patience_s: float) -> str:
    """Until the one-minute load is at most `most`, or patience is at its end.

    Answers in words how the machine is: its load, and how fast one core runs just now.
    """
    deadline = time.monotonic() + patience_s
    while os.getloadavg()[0] > most and time.monotonic() < deadline:
        time.sleep(2)
    return f"load {os.getloadavg()[0]:.1f}, a core makes {core_speed():,.0f} hashes/ms"


def core_speed() -> float:
    """SHA-256 sums of 64 bytes in a millisecond: shows when others take this core's time away."""
    rounds, began = 0, time.monotonic()
    while time.monotonic() < began + 0.1:
        for _ in range(100):
            hashlib.sha256(_BLOCK).digest()
        rounds += 100
    return rounds / (time.monotonic() - began) / 1000
