"""Reads the process environment; wrong values are gathered and reported together."""

import ipaddress
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TypeVar

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
