"""The files by which `up` keeps its data directory: made secrets, the lock, who runs there now."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

SECRETS_FILE = "secrets.env"
RUNNING_FILE = "running.env"
LOCK_FILE = "up.lock"


class DirectoryInUse(Exception):
    """Another `up` works there; the text says which and what to do."""


def keep_secret(directory: Path, name: str, candidate: str) -> str:
    """The secret of this name; when there is none yet, the candidate, which is kept from now on.

    Two processes that ask at once get the same one.
    """
    with _open_private(directory / SECRETS_FILE) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = _read_variables(file.read())
        if name not in known:
            file.write(f"{name}={candidate}\n")
        return known.get(name, candidate)


@contextlib.contextmanager
def sole_user(directory: Path, shared: Mapping[str, str]) -> Iterator[None]:
    """Hold the directory's lock, and let other commands read the `shared` variables meanwhile.

    Raises DirectoryInUse.
    """
    with _open_private(directory / LOCK_FILE) as lock:
        _lock(lock, directory)
        running = directory / RUNNING_FILE
        running.unlink(missing_ok=True)
        with _open_private(running) as file:
            file.write(f"PID={os.getpid()}\n")
            file.writelines(f"{name}={value}\n" for name, value in shared.items())
        try:
            yield
        finally:
            running.unlink(missing_ok=True)


def running_variables(directory: Path) -> dict[str, str]:
    """What the `up` that runs there shares with other commands; empty when none runs."""
    try:
        variables = _read_variables((directory / RUNNING_FILE).read_text())
        os.kill(int(variables.pop("PID")), 0)  # raises when it was killed without a farewell
    except (OSError, KeyError, ValueError):
        return {}
    return variables


def _open_private(path: Path) -> IO[str]:
    """To read and append; nobody else may even read it."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+")


def _read_variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _lock(lock: IO[str], directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise DirectoryInUse(
            f"Another `up` (process {lock.read().strip() or 'unknown'}) uses {directory}:"
            " stop it, or set ENS_DATA_DIR to another directory."
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
