"""django-webhook 0.0.15 with its defaults, in a virtual environment of its own."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from benchmarks import rows
from benchmarks.contenders import Contender
from benchmarks.contenders.queued import broker_url, parked, release
from benchmarks.place import ROOT, BenchmarkError, Place, wait_until
from benchmarks.receivers import Receiver

PROJECT = Path(__file__).resolve().parent / "django_webhook_project"
VENV = ROOT / "var" / "benchmarks" / "django-webhook"
# The framework and the queue as we have them, so that only the design differs.
PACKAGES = (
    "django-webhook==0.0.15",
    "django==5.2.*",
    "celery[redis]==5.6.3",
    "hiredis",
    "psycopg[binary]",
)
QUEUE = "celery"
WARM_UP = 50


class DjangoWebhook(Contender):
    name = "django-webhook 0.0.15"
    share = 0.1

    @contextlib.contextmanager
    def ready(self, place: Place, receiver: Receiver) -> Iterator[None]:
        python = install()
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("ENS_")
        } | {
            "DJANGO_SETTINGS_MODULE": "project_settings",
            "CONTENDER_DATABASE_URL": _database_url(),
            "CONTENDER_BROKER_URL": broker_url(6),
        }
        with contextlib.ExitStack() as stack:
            self._driver = stack.enter_context(
                place.process(
                    [str(python), "project_driver.py"],
                    name="django-webhook-driver",
                    cwd=PROJECT,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            self._expect("ready")
            celery = [str(python), "-m", "celery", "--quiet", "-A", "project_celery", "worker"]
            argv = [*celery, "-P", "prefork", "-c", "2"]
            self.processes = [
                stack.enter_context(
                    place.process(argv, name="django-webhook", cwd=PROJECT, env=environment)
                )
            ]
            self._database = stack.enter_context(psycopg.connect(_database_url(), autocommit=True))
            self.deliver([receiver.url("/ok/warm")], WARM_UP)
            yield

    def deliver(self, urls: Sequence[str], count: int) -> float:
        assert self._driver.stdin is not None
        order = f"{parked(QUEUE)} {count} {rows.SAMPLE} {' '.join(urls)}\n"
        self._driver.stdin.write(order.encode())
        self._driver.stdin.flush()
        self._expect("published")
        began = time.monotonic()
        release(broker_url(6), QUEUE, count)
        wait_until(lambda: self._recorded(count), "django-webhook delivered", 900, 0.02)
        return time.monotonic() - began

    def recorded(self) -> tuple[int, int] | None:
        count = self._count("SUCCESS")
        return count, count + self._count("PENDING") + self._count("FAILURE")

    def _recorded(self, count: int) -> bool:
        return self._count("SUCCESS") >= count

    def _count(self, status: str) -> int:
        found = self._database.execute(
            "SELECT count(*) FROM django_webhook_webhookevent WHERE status = %s", [status]
        )
        row = found.fetchone()
        return int(row[0]) if row else 0

    def _expect(self, word: str) -> None:
        assert self._driver.stdout is not None
        if self._driver.stdout.readline().decode().strip() != word:
            raise BenchmarkError("The driver of django-webhook ended.")


def _database_url() -> str:
    """A database of its own in the same cluster, made when it is first asked for."""
    name = "django_webhook"
    found = rows.database().execute("SELECT FROM pg_database WHERE datname = %s", [name])
    if found.fetchone() is None:
        rows.database().execute(f"CREATE DATABASE {name}")
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


def install() -> Path:
    """The Python of the virtual environment. Raises BenchmarkError when it can not be made."""
    python = VENV / "bin" / "python"
    check = [str(python), "-c", "import django_webhook, kombu.transport.redis, psycopg"]
    if python.exists() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return python
    commands = [[sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]]
    if uv := shutil.which("uv"):
        commands.append([uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES])
    else:
        # The Python that made our own environment has the pip that filled it.
        base = str(Path(sys.base_prefix) / "bin" / "python3")
        pip = [base, "-m", "pip", "--python", str(python), "install", "--quiet"]
        commands.append([*pip, *PACKAGES])
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            raise BenchmarkError(f"django-webhook can not be installed: {said[-500:]}") from error
    return python
