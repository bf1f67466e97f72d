"""Reads the process environment; wrong values are gathered and reported together."""

import ipaddress
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BACKENDS = "django.core.mail.backends"
SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
SMTP_TIMEOUT_S = 10  # for each step of the exchange


@dataclass
class Environment:
    """Typed look-ups in a mapping of variables.

    A wrong value is noted with a hint and the default stands in, so that reading goes on;
    `report` then raises once, with everything that was wrong.
    """

    variables: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def read(self, name: str, convert: Callable[[str], T], default: T, hint: str) -> T:
        text = self.variables.get(name, "").strip()
        if not text:
            return default
        try:
            return convert(text)
        except (ValueError, TypeError, ImportError, ImproperlyConfigured):
            self.problems.append(f"{name}: the value is not usable. {hint}")
            return default

    def text(self, name: str, default: str = "") -> str:
        return self.read(name, str, default, "")

    def flag(self, name: str, *, default: bool) -> bool:
        return self.read(name, _flag, default, "Use 1 or 0.")

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        def convert(text: str) -> int:
            value = int(text)
            if not low <= value <= high:
                raise ValueError
            return value

        return self.read(name, convert, default, f"Use a whole number from {low} to {high}.")

    def choice(self, name: str, default: str, *options: str) -> str:
        def convert(text: str) -> str:
            if text not in options:
                raise ValueError
            return text

        return self.read(name, convert, default, f"Use one of: {', '.join(options)}.")

    def words(self, name: str, default: list[str]) -> list[str]:
        return self.read(
            name,
            lambda text: [word.strip() for word in text.split(",") if word.strip()],
            default,
            "",
        )

    def networks(self, name: str) -> tuple[Network, ...]:
        return self.read(
            name,
            lambda text: tuple(ipaddress.ip_network(word.strip()) for word in text.split(",")),
            (),
            "Use networks in CIDR notation, separated by commas: 10.1.0.0/16,fd00::/8.",
        )

    def fernet_keys(self, name: str) -> list[str]:
        def convert(text: str) -> list[str]:
            keys = [word.strip() for word in text.split(",") if word.strip()]
            for key in keys:
                Fernet(key)
            return keys

        return self.read(
            name,
            convert,
            [],
            "Use Fernet keys separated by commas, the newest first (32 random bytes each, "
            "URL-safe base64).",
        )

    def database(self, name: str, default_url: str) -> dict[str, object]:
        return self.read(
            name,
            _database,
            _database(default_url),
            "Use postgresql://user:password@host:5432/name or sqlite:////path/to/file.",
        )

    def url(self, name: str, default: str, *schemes: str) -> str:
        def convert(text: str) -> str:
            if text.split("://")[0] not in schemes or "://" not in text:
                raise ValueError
            return text

        return self.read(name, convert, default, f"Use a URL with {' or '.join(schemes)}.")

    def dotted_path(self, name: str, default: str) -> str:
        """Of a class, whose module is looked for and not yet imported."""

        def convert(text: str) -> str:
            module, _, attribute = text.rpartition(".")
            if not attribute.isidentifier() or find_spec(module) is None:
                raise ValueError
            return text

        return self.read(name, convert, default, "Use package.module.Class of what is installed.")

    def public_url(self, name: str, default: str) -> str:
        """Where the service is reached from outside, without a slash at the end."""
        return self.read(
            name, _public_url, default, "Use a URL such as https://ens.example.com, without more."
        )

    def mail(self, name: str, file_path: Path | None) -> dict[str, Any] | None:
        """What Django's `get_connection` takes; None where no mail is sent.

        Without a value mails are written into `file_path`, if there is one.
        """
        return self.read(
            name,
            _mail,
            _written_to(str(file_path)) if file_path else None,
            "Use smtp://user:password@host:25, smtp+tls://… (STARTTLS, 587), smtp+ssl://… (465), "
            "filemail:////path/to/directory or consolemail://.",
        )

    def mail_address(self, name: str, default: str) -> str:
        """With or without a name before it: ENS <ens@example.com>."""

        def convert(text: str) -> str:
            try:
                validate_email(parseaddr(text)[1])
            except ValidationError:
                raise ValueError from None
            if not text.isprintable():
                raise ValueError
            return text

        return self.read(name, convert, default, "Use an address such as ens@example.com.")

    def require(self, name: str, present: object, hint: str) -> None:
        if not present and not any(text.startswith(f"{name}:") for text in self.problems):
            self.problems.append(f"{name}: missing. {hint}")

    def report(self) -> None:
        """Raise ImproperlyConfigured that lists every problem, if there is any."""
        if self.problems:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            raise ImproperlyConfigured(
                f"The environment has {len(self.problems)} wrong values:{lines}"
            )

    def exit_if_wrong(self) -> None:
        """Like `report`, for people: lines on stderr instead of a traceback."""
        try:
            self.report()
        except ImproperlyConfigured as problem:
            sys.stderr.write(f"{problem}\n")
            # The status with which gunicorn's workers say that starting again is of no use.
            raise SystemExit(3) from None


def _flag(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError


def _database(url: str) -> dict[str, object]:
    config: dict[str, object] = dict(environ.Env.db_url_config(url))
    engine = str(config.get("ENGINE", ""))
    if engine.endswith("postgresql"):
        return config | {
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 5, **dict(config.get("OPTIONS", {}))},  # type: ignore[call-overload]
        }
    if engine.endswith("sqlite3"):
        return config | {
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # Deferred transactions fail with "database is locked" under several writers.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    raise ValueError(url)


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and text.isprintable()
    if not is_whole or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(text)
    return text.rstrip("/")


def _written_to(directory: str) -> dict[str, Any]:
    return {"backend": f"{BACKENDS}.filebased.EmailBackend", "file_path": directory}


def _mail(url: str) -> dict[str, Any]:
    scheme = url.partition("://")[0]
    config = environ.Env.email_url_config(url)
    if scheme == "consolemail":
        return {"backend": f"{BACKENDS}.console.EmailBackend"}
    if scheme == "filemail" and config["EMAIL_FILE_PATH"].startswith("/"):
        return _written_to(config["EMAIL_FILE_PATH"])
    if scheme not in SMTP_PORTS or not config["EMAIL_HOST"]:
        raise ValueError(url)
    return {
        "backend": f"{BACKENDS}.smtp.EmailBackend",
        "host": config["EMAIL_HOST"],
        "port": config["EMAIL_PORT"] or SMTP_PORTS[scheme],
        "username": config["EMAIL_HOST_USER"] or "",
        "password": config["EMAIL_HOST_PASSWORD"] or "",
        "use_tls": scheme == "smtp+tls",
        "use_ssl": scheme == "smtp+ssl",
        "timeout": SMTP_TIMEOUT_S,
    }
