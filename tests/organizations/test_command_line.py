"""The commands as an operator runs them: processes with a terminal."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as project_settings

TIMEOUT_S = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of an empty installation."""
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/ens.sqlite3",
        "ENS_DATA_DIR": str(tmp_path),
    }
    assert manage(environment, "migrate", "-v0").returncode == 0
    return environment


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project_settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def typing(environment: dict[str, str], *arguments: str, lines: list[str]) -> tuple[int, str]:
    """Exit code and output of the command in a terminal where each prompt gets the next line."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(project_settings.BASE_DIR)
        os.execve(sys.executable, [sys.executable, "manage.py", *arguments], environment)
    output, answers = "", iter(lines)
    deadline = time.monotonic() + TIMEOUT_S
    while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            text = os.read(terminal, 4096).decode()
        except OSError:  # Linux: the other end is closed
            break
        output += text
        if text.endswith(": "):
            os.write(terminal, next(answers).encode() + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), output


def test_an_operator_sets_up_an_organization_with_a_user(environment: dict[str, str]) -> None:
    made = manage(environment, "create_organization", "Brand", "--json")
    assert made.stderr == ""
    organization = str(json.loads(made.stdout)["id"])
    user = ("create_user", "--organization", organization, "--username", "alice", "--prompt")

    code, output = typing(environment, *user, lines=["a good long one", "another one"])
    assert code == 1
    assert "The two passwords differ." in output

    code, output = typing(environment, *user, lines=["a good long one", "a good long one"])
    assert code == 0
    assert "User alice is created." in output
    assert "a good long one" not in output

    again = manage(
        environment, "create_user", "--organization", organization, "--username", "alice"
    )
    assert again.returncode == 1
    assert again.stdout == ""
    assert again.stderr.strip() == (
        "CommandError: username: A user with that username already exists."
    )
