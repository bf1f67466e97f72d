import difflib
import json
import os
import sys
import urllib.parse
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.catalogue import CATALOGUE, standard_sample
from events.client import Client, NoAnswer, local_url
from events.publishing import (
    Event,
    NoTemplate,
    NotPublished,
    Published,
    batches,
    publish,
    template_of_sample,
    template_of_text,
)

MOST_EVENTS = 10_000_000


class Command(BaseCommand):
    help = "Publishes events through the API: the sample of a type, or what a file holds."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the event type, such as transactionAdded")
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--file", metavar="F", help="an event, or its data alone, as JSON; - is standard input"
        )
        source.add_argument(
            "--sample", action="store_true", help="the sample of the type (the default)"
        )
        parser.add_argument(
            "--count", type=positive, default=1, metavar="N", help="copies, each with its own id"
        )
        parser.add_argument("--url", help="default: the web of this installation")
        parser.add_argument("--code", help="of the credential; default: ENS_CODE, or the demo's")
        parser.add_argument(
            "--password", help="default: ENS_PASSWORD, which others do not see, or the demo's"
        )
        parser.add_argument("--json", action="store_true", help="a JSON object for each batch")

    def handle(self, *args: object, **options: Any) -> None:
        client = client_of(options)
        rejected = 0
        try:
            template = template_of(client, options["name"], options["file"])
            for batch in batches(template, options["count"], settings.MAX_EVENTS_BYTES):
                published = publish(client, batch)
                rejected += published.rejected
                self.stdout.write(in_json(published) if options["json"] else in_words(published))
        except (NoAnswer, NotPublished) as error:
            raise CommandError(str(error)) from error
        if rejected:
            were = "event was" if rejected == 1 else "events were"
            raise CommandError(f"{rejected} {were} rejected.")


def positive(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit() and 0 < int(argument) <= MOST_EVENTS):
        raise ArgumentTypeError(f"a whole number from 1 to {MOST_EVENTS}")
    return int(argument)


def client_of(options: dict[str, Any]) -> Client:
    """As the arguments say, else the environment, else the demo. Raises CommandError."""
    demo = _demo_credential()
    code = options["code"] or os.environ.get("ENS_CODE") or demo.get("code")
    password = options["password"] or os.environ.get("ENS_PASSWORD")
    if not password and code == demo.get("code"):
        password = demo.get("password")
    if not code or not password:
        raise CommandError(
            "A credential is needed: --code and --password, or ENS_CODE and ENS_PASSWORD."
            " `manage.py create_credential` makes one."
        )
    url = options["url"] or local_url(settings.HOST, settings.PORT)
    try:
        return Client(url, code, password)
    except ValueError as error:
        raise CommandError(f"--url: {error}") from error


def _demo_credential() -> dict[str, str]:
    if not settings.DEMO:
        return {}
    try:
        known = json.loads(settings.DEMO_FILE.read_text(encoding="utf-8"))
        return {"code": str(known["code"]), "password": str(known["password"])}
    except (OSError, ValueError, TypeError, LookupError):
        return {}


def template_of(client: Client, name: str, file: str | None) -> Event:
    """Raises CommandError, and NoAnswer."""
    if file is None:
        sample = standard_sample(name) if name in CATALOGUE else _sample_from_api(client, name)
        return template_of_sample(sample)
    try:
        return template_of_text(name, _read(file))
    except NoTemplate as error:
        raise CommandError(f"{file}: {error}") from error
    except OSError as error:
        raise CommandError(f"{file} can not be read: {error.strerror}.") from error


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _sample_from_api(client: Client, name: str) -> dict[str, Any]:
    """Of a type that is the organisation's own."""
    quoted = urllib.parse.quote(name, safe="")
    answer = client.get(f"/v3/webHooks/eventMetaData/{quoted}")
    if answer.is_success:
        sample = answer.data.get("sample")
        if not isinstance(sample, dict):
            raise CommandError(f"{name} has no sample: give an event with --file.")
        whole = sample if isinstance(sample.get("data"), dict) else {"data": sample}
        return {**whole, "eventName": name}
    if answer.status == 404:
        near = difflib.get_close_matches(name, CATALOGUE, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise CommandError(f"There is no event type {name!r}.{hint}")
    raise CommandError(f"The sample of {name} can not be asked for: {answer.reason}")


def in_words(published: Published) -> str:
    counts = {
        "accepted": published.accepted,
        "duplicate": published.duplicate,
        "rejected": published.rejected,
    }
    if len(published.event_ids) == 1:
        told = f"{next(word for word, count in counts.items() if count)} {published.event_ids[0]}"
    else:
        told = ", ".join(f"{count} {word}" for word, count in counts.items())
    because = f": {published.reason}" if published.rejected else ""
    return f"{told} in {published.duration_ms:.0f} ms{because}"


def in_json(published: Published) -> str:
    single = {"eventId": published.event_ids[0]} if len(published.event_ids) == 1 else {}
    return json.dumps(
        single
        | {
            "accepted": published.accepted,
            "duplicate": published.duplicate,
            "rejected": published.rejected,
            "reason": published.reason or None,
            "ms": round(published.duration_ms, 1),
        }
    )
