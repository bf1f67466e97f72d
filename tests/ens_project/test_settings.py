"""Whole programs that start with good and bad environments."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parent.parent.parent
GOOD = {
    "ENS_SECRET_KEY": "x-1Qz_" * 10,
    "ENS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ENS_ALLOWED_HOSTS": "ens.example.com",
}
MAIL = {
    "EMAIL_URL": "smtp+tls://ens:secret@mail.example.com",
    "ENS_EMAIL_FROM": "ENS <ens@example.com>",
    "ENS_PUBLIC_URL": "https://ens.example.com",
}
PROGRAMS = {
    "django": ["manage.py", "check"],
    "gunicorn": ["-m", "gunicorn", "--bind=127.0.0.1:0", "--no-control-socket", "ens_project.wsgi"],
    "celery": ["-m", "celery", "-A", "ens_project.celery", "worker"],
}


def run(
    arguments: list[str], directory: Path, **variables: str
) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not is_ours(name)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=inherited | {"ENS_DATA_DIR": str(directory)} | variables,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def is_ours(name: str) -> bool:
    return name.startswith(("ENS_", "PYTEST_", "COV_")) or name in {
        *("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "EMAIL_URL", "DJANGO_SETTINGS_MODULE"),
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_wrong_values_end_the_program_with_lines_not_with_a_traceback(
    program: str, tmp_path: Path
) -> None:
    ended = run(PROGRAMS[program], tmp_path, ENS_PORT="many", DATABASE_URL="oracle://x")
    assert ended.returncode != 0
    assert "The environment has 4 wrong values:" in ended.stderr
    for name in ("ENS_PORT", "DATABASE_URL", "ENS_SECRET_KEY", "ENS_ENCRYPTION_KEYS"):
        assert f"  - {name}: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_production_passes_the_deployment_check(tmp_path: Path) -> None:
    command = ["manage.py", "check", "--deploy", "--fail-level=INFO"]
    checked = run(command, tmp_path, **GOOD, **MAIL)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "no issues" in checked.stdout


def test_the_deployment_check_says_that_nobody_is_mailed(tmp_path: Path) -> None:
    checked = run(["manage.py", "check", "--deploy"], tmp_path, **GOOD)
    assert checked.returncode == 0
    assert "E-mail is not set up: nobody is mailed when a webhook fails." in checked.stderr


def test_a_mail_server_wants_a_sender_and_an_address_for_links(tmp_path: Path) -> None:
    checked = run(["manage.py", "check"], tmp_path, **GOOD, EMAIL_URL=MAIL["EMAIL_URL"])
    assert checked.returncode != 0
    for name in ("ENS_EMAIL_FROM", "ENS_PUBLIC_URL"):
        assert f"  - {name}: missing. " in checked.stderr


def test_production_is_the_default() -> None:
    shown = run(
        ["-c", "from ens_project import settings as s; print(s.DEBUG, s.DEMO, s.HTTPS)"],
        ROOT / "var",
        **GOOD,
    )
    assert shown.stdout.strip() == "False False True"
