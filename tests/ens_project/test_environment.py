import ipaddress
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from ens_project.environment import Environment


def test_what_is_not_set_or_blank_has_its_default() -> None:
    environment = Environment({"A": "", "B": "  "})
    assert environment.text("A", "x") == "x"
    assert environment.number("B", 7, low=1, high=9) == 7
    assert environment.flag("C", default=True) is True
    environment.report()


def test_values_are_read() -> None:
    environment = Environment(
        {
            "FLAG": "On",
            "NUMBER": "8",
            "CHOICE": "json",
            "WORDS": "a, b,,c ",
            "NETWORKS": "10.1.0.0/16, fd00::/8",
            "URL": "redis://localhost:6379/0",
            "KEYS": f"{Fernet.generate_key().decode()},",
        }
    )
    assert environment.flag("FLAG", default=False) is True
    assert environment.number("NUMBER", 1, low=1, high=9) == 8
    assert environment.choice("CHOICE", "console", "console", "json") == "json"
    assert environment.words("WORDS", []) == ["a", "b", "c"]
    assert environment.networks("NETWORKS") == (
        ipaddress.ip_network("10.1.0.0/16"),
        ipaddress.ip_network("fd00::/8"),
    )
    assert environment.url("URL", "", "redis") == "redis://localhost:6379/0"
    assert len(environment.fernet_keys("KEYS")) == 1
    environment.report()


def test_everything_that_is_wrong_is_told_at_once_without_the_values() -> None:
    environment = Environment(
        {
            "FLAG": "maybe",
            "NUMBER": "10",
            "CHOICE": "xml",
            "NETWORKS": "10.1.2.3/8",
            "URL": "http://user:hunter2@localhost",
            "KEYS": "hunter2",
            "DATABASE": "oracle://user:hunter2@localhost/x",
        }
    )
    assert environment.flag("FLAG", default=False) is False
    assert environment.number("NUMBER", 1, low=1, high=9) == 1
    assert environment.choice("CHOICE", "console", "console", "json") == "console"
    assert environment.networks("NETWORKS") == ()
    assert environment.url("URL", "", "redis") == ""
    assert environment.fernet_keys("KEYS") == []
    assert environment.database("DATABASE", "sqlite:///x")["NAME"] == "x"
    environment.require("MISSING", "", "Set it.")
    environment.require("KEYS", [], "Set it.")
    with pytest.raises(ImproperlyConfigured) as reported:
        environment.report()
    lines = str(reported.value).splitlines()
    assert lines[0] == "The environment has 8 wrong values:"
    named = [line.split(":")[0].removeprefix("  - ") for line in lines[1:]]
    assert named == [
        *("FLAG", "NUMBER", "CHOICE", "NETWORKS", "URL", "KEYS", "DATABASE", "MISSING"),
    ]
    assert "hunter2" not in str(reported.value)


def test_people_get_lines_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    environment = Environment({})
    environment.require("ENS_SECRET_KEY", "", "Use many characters.")
    with pytest.raises(SystemExit) as ended:
        environment.exit_if_wrong()
    assert ended.value.code == 3
    assert "ENS_SECRET_KEY: missing. Use many characters." in capsys.readouterr().err


def test_sqlite_is_set_up_for_several_writers() -> None:
    database = Environment({}).database("DATABASE_URL", "sqlite:////tmp/x.sqlite3")
    assert database["OPTIONS"] == {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }


def test_postgresql_does_not_wait_long_for_a_connection() -> None:
    variables = {"DATABASE_URL": "postgresql://u:p@h:5432/n?sslmode=require"}
    database = Environment(variables).database("DATABASE_URL", "sqlite:///x")
    assert database["OPTIONS"] == {"connect_timeout": 5, "sslmode": "require"}


def test_a_mail_server_is_named_by_a_url() -> None:
    url = "smtp+tls://ens:p%40ss@mail.example.com"
    mail = Environment({"EMAIL_URL": url}).mail("EMAIL_URL", Path("/var/mails"))
    assert mail is not None
    assert (mail["host"], mail["port"], mail["use_tls"], mail["use_ssl"]) == (
        *("mail.example.com", 587, True, False),
    )
    assert (mail["username"], mail["password"], mail["timeout"]) == ("ens", "p@ss", 10)


def test_without_a_mail_server_there_are_files_or_nothing() -> None:
    written = Environment({}).mail("EMAIL_URL", Path("/var/mails"))
    assert written is not None
    assert written["file_path"] == "/var/mails"
    assert Environment({}).mail("EMAIL_URL", None) is None


@pytest.mark.parametrize(
    "url", ["smtps://mail:465", "smtp://", "http://mail", "filemail://x", "memorymail://", "x"]
)
def test_what_names_no_mail_server_is_told(url: str) -> None:
    environment = Environment({"EMAIL_URL": url})
    assert environment.mail("EMAIL_URL", None) is None
    assert [problem.split(":")[0] for problem in environment.problems] == ["EMAIL_URL"]


@pytest.mark.parametrize(
    "url", ["ens.example.com", "https://", "https://u:p@x", "https://x?y", "ftp://x", "http://x\ny"]
)
def test_where_people_reach_the_service_is_a_plain_url(url: str) -> None:
    environment = Environment({"URL": url, "GOOD": "https://ens.example.com/"})
    assert environment.public_url("URL", "http://x") == "http://x"
    assert environment.public_url("GOOD", "") == "https://ens.example.com"
    assert len(environment.problems) == 1


@pytest.mark.parametrize("address", ["ens", "ens@", "ENS <x>", "a@b.example\nBcc: c@d.example"])
def test_a_sender_is_an_address(address: str) -> None:
    environment = Environment({"FROM": address, "GOOD": "ENS <ens@example.com>"})
    assert environment.mail_address("FROM", "") == ""
    assert environment.mail_address("GOOD", "") == "ENS <ens@example.com>"
    assert len(environment.problems) == 1
