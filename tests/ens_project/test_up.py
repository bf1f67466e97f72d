"""`manage.py up` for real: SQLite, the embedded Valkey, gunicorn and a Celery worker."""

import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ens_project.embedded import free_port
from tests.ens_project.running import Running, descendants, is_alive, running, wait_until

OURS = ("ENS_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


def production_environment(data_dir: Path) -> dict[str, str]:
    """Only what an installation must set, and a free port."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | {
        "ENS_DATA_DIR": str(data_dir),
        "ENS_PORT": str(free_port()),
        "ENS_WORKERS": "1",
        "ENS_SECRET_KEY": "a secret key of fifty characters and more, for one test run",
        "ENS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ENS_ALLOWED_HOSTS": "ens.example.com",
    }


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return production_environment(tmp_path / "data")


@pytest.fixture
def up(environ: dict[str, str]) -> Iterator[Running]:
    with running(["manage.py", "up"], env=environ) as tree:
        tree.wait_for_line("Ready on")
        yield tree


def status_of(environ: dict[str, str], path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(environ["ENS_PORT"]), timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "ens.example.com"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_runs_answers_and_ends_in_order_with_nothing_left(
    up: Running, environ: dict[str, str]
) -> None:
    assert status_of(environ, "/readyz") == 200
    assert status_of(environ, "/livez") == 200
    everything = descendants(up.process.pid)
    for part in ("valkey-server", "gunicorn", "celery"):
        assert any(part in command for command in everything.values()), everything
    assert up.stop() == 0
    stopping = [line.split("Stopping ")[1] for line in up.lines if "Stopping " in line]
    assert stopping == ["web.", "worker1.", "broker."]
    assert not any(map(is_alive, everything))


def test_killed_it_leaves_nothing_and_goes_on_with_the_same_data(
    up: Running, environ: dict[str, str]
) -> None:
    everything = descendants(up.process.pid)
    assert up.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not any(map(is_alive, everything)), f"all of {everything} end")
    with running(["manage.py", "up"], env=environ) as again:
        again.wait_for_line("Ready on")
        assert again.stop(signal.SIGTERM) == 0


def test_a_second_one_on_the_same_data_is_refused_in_one_line(
    up: Running, environ: dict[str, str]
) -> None:
    with running(["manage.py", "up"], env=environ) as second:
        assert second.wait() == 1
    assert len(second.lines) == 1
    assert f"Another `up` (process {up.process.pid}) uses" in second.lines[0]


def test_without_its_secrets_it_does_not_start(environ: dict[str, str]) -> None:
    del environ["ENS_SECRET_KEY"], environ["ENS_ENCRYPTION_KEYS"]
    with running(["manage.py", "up"], env=environ) as tree:
        assert tree.wait() == 3
    tree.wait_for_line("ENS_SECRET_KEY: missing")
    tree.wait_for_line("ENS_ENCRYPTION_KEYS: missing")
