import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ens_project.console import Console
from ens_project.data_directory import DirectoryInUse, running_variables, sole_user
from ens_project.embedded import free_port
from ens_project.supervisor import CannotStart, Plan, prepare_environment, supervise

DEMO = ["manage.py", "up", "--demo"]
PRODUCTION = ["manage.py", "up"]
SECRETS = ("ENS_SECRET_KEY", "ENS_ENCRYPTION_KEYS")


def prepared(argv: list[str], data_dir: Path, **given: str) -> dict[str, str]:
    environ = {"ENS_DATA_DIR": str(data_dir), **given}
    prepare_environment(argv, environ)
    return environ


def plan(data_dir: Path, port: int, host: str = "127.0.0.1") -> Plan:
    return Plan(
        data_dir=data_dir,
        host=host,
        port=port,
        web_processes=1,
        workers=1,
        demo=True,
        allowed_hosts=("localhost",),
        environ={"ENS_SECRET_KEY": "s", "REDIS_URL": "redis://cache", "HOME": "/"},
    )


@pytest.fixture
def silent() -> Console:
    return Console(io.BytesIO())


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


# --- The environment -----------------------------------------------------------------------


def test_the_demo_makes_its_secrets_once_and_keeps_them(tmp_path: Path) -> None:
    first, second = prepared(DEMO, tmp_path / "data"), prepared(DEMO, tmp_path / "data")
    for name in SECRETS:
        assert first[name] == second[name]
    assert len(first["ENS_SECRET_KEY"]) >= 50
    Fernet(first["ENS_ENCRYPTION_KEYS"])


def test_nobody_else_can_read_the_secrets(tmp_path: Path) -> None:
    prepared(DEMO, tmp_path / "data")
    assert (tmp_path / "data" / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_two_installations_have_different_secrets(tmp_path: Path) -> None:
    first, second = prepared(DEMO, tmp_path / "one"), prepared(DEMO, tmp_path / "two")
    for name in (*SECRETS, "REDIS_URL"):
        assert first[name] != second[name]


def test_the_demo_keeps_to_the_values_that_are_given(tmp_path: Path) -> None:
    given = {
        "ENS_SECRET_KEY": "given",
        "ENS_ENCRYPTION_KEYS": "given too",
        "ENS_ALLOWED_HOSTS": "ens.example.com",
        "ENS_ALLOWED_NETWORKS": "10.0.0.0/8",
        "REDIS_URL": "redis://cache.example.com",
    }
    assert prepared(DEMO, tmp_path, **given).items() >= given.items()
    assert not (tmp_path / "secrets.env").exists()


def test_the_demo_may_be_reached_on_loopback_and_may_deliver_there(tmp_path: Path) -> None:
    environ = prepared(DEMO, tmp_path)
    assert environ["ENS_DEMO"] == "1"
    assert environ["ENS_ALLOWED_HOSTS"] == "localhost,127.0.0.1,[::1]"
    assert environ["ENS_ALLOWED_NETWORKS"] == "127.0.0.0/8,::1/128"
    assert "ENS_DEBUG" not in environ


def test_production_invents_no_value_but_the_embedded_valkeys_address(tmp_path: Path) -> None:
    prepared(DEMO, tmp_path)  # even where a demo has left its secrets
    environ = prepared(PRODUCTION, tmp_path)
    valkey = environ.pop("REDIS_URL")
    assert valkey.startswith("redis://:")
    assert environ == {"ENS_DATA_DIR": str(tmp_path), "ENS_EMBEDDED_VALKEY_URL": valkey}


def test_production_with_a_redis_of_its_own_gets_nothing_at_all(tmp_path: Path) -> None:
    environ = prepared(PRODUCTION, tmp_path, REDIS_URL="redis://cache.example.com")
    assert environ == {"ENS_DATA_DIR": str(tmp_path), "REDIS_URL": "redis://cache.example.com"}


def test_the_embedded_valkey_has_the_same_password_at_every_start(tmp_path: Path) -> None:
    passwords = {
        prepared(PRODUCTION, tmp_path)["REDIS_URL"].split("@")[0],
        prepared(DEMO, tmp_path)["REDIS_URL"].split("@")[0],
    }
    assert len(passwords) == 1


def test_a_data_directory_that_can_not_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"(?s)^The data directory .*file/data can not be used"):
        prepared(DEMO, tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SystemExit, match=r"Permission denied.*set ENS_DATA_DIR"):
        prepared(DEMO, tmp_path)


def test_asking_for_help_makes_nothing(tmp_path: Path) -> None:
    prepared([*DEMO, "--help"], tmp_path / "data")
    assert not (tmp_path / "data").exists()


# --- Other commands beside it --------------------------------------------------------------


def test_another_command_joins_the_up_that_runs_on_its_data_directory(tmp_path: Path) -> None:
    with sole_user(tmp_path, {"ENS_SECRET_KEY": "secret", "REDIS_URL": "redis://here"}):
        environ = prepared(["manage.py", "send_event"], tmp_path, REDIS_URL="redis://given")
        assert (tmp_path / "running.env").stat().st_mode & 0o777 == 0o600
    assert environ["ENS_SECRET_KEY"] == "secret"
    assert environ["REDIS_URL"] == "redis://given"


def test_another_command_alone_gets_nothing(tmp_path: Path) -> None:
    with sole_user(tmp_path, {"ENS_SECRET_KEY": "secret"}):
        pass
    assert set(prepared(["manage.py", "send_event"], tmp_path)) == {"ENS_DATA_DIR"}


def test_what_a_killed_up_has_left_is_not_joined(tmp_path: Path) -> None:
    ended = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(ended, 0)
    (tmp_path / "running.env").write_text(f"PID={ended}\nENS_SECRET_KEY=secret\n")
    assert running_variables(tmp_path) == {}


# --- The start -----------------------------------------------------------------------------


def test_a_port_in_use_is_named_with_the_way_out(
    tmp_path: Path, silent: Console, taken_port: int
) -> None:
    with pytest.raises(CannotStart, match=rf"127.0.0.1:{taken_port} .*in use.*set ENS_PORT"):
        supervise(plan(tmp_path, taken_port), silent)


def test_an_address_that_is_no_address_of_this_machine_is_named(
    tmp_path: Path, silent: Console
) -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1:.* can not be listened on"):
        supervise(plan(tmp_path, free_port(), host="192.0.2.1"), silent)


def test_a_second_up_on_the_same_data_directory_is_refused(tmp_path: Path, silent: Console) -> None:
    with (
        sole_user(tmp_path, {}),
        pytest.raises(DirectoryInUse, match=rf"process {os.getpid()}\) uses .*set ENS_DATA_DIR"),
    ):
        supervise(plan(tmp_path, free_port()), silent)


def test_a_start_that_was_refused_leaves_the_data_directory_free(
    tmp_path: Path, silent: Console, taken_port: int
) -> None:
    with pytest.raises(CannotStart):
        supervise(plan(tmp_path, taken_port), silent)
    with sole_user(tmp_path, {}):
        assert running_variables(tmp_path) == {}
