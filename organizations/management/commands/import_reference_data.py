import contextlib
import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from organizations.authentication import Caller
from organizations.management.creating import existing_organization, text
from organizations.models import Access, Organization
from organizations.reference_formats import FORMATS, Format
from organizations.reference_import import Report, import_csv


class Command(BaseCommand):
    help = "Creates and updates tills, stores or customers after a CSV file, or nothing of it."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        formats = "\n".join(map(_described, FORMATS.values()))
        parser = super().create_parser(prog_name, subcommand, epilog=formats, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", type=int, required=True, metavar="ID")
        parser.add_argument("--kind", choices=FORMATS, required=True)
        parser.add_argument("file", type=text, metavar="FILE", help="- is the standard input")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = existing_organization(options["organization"])
        with _opened(options["file"]) as file:
            report = import_csv(organization, options["kind"], file, _caller(organization))
        if report.is_refused:
            raise CommandError(_in_lines(report))
        names = ("created", "updated", "unchanged")
        numbers = {name: getattr(report, name) for name in names}
        if options["json"]:
            self.stdout.write(json.dumps({"kind": report.kind, **numbers}))
            return
        counts = ", ".join(f"{number} {name}" for name, number in numbers.items())
        self.stdout.write(f"{report.kind}: {counts}.")


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """Raises CommandError."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}.") from error


def _caller(organization: Organization) -> Caller:
    """As whom the audit log shows it: nobody who could sign in."""
    name = "Command line"
    return Caller(
        organization=organization,
        access=Access.WRITE,
        may_write_events=False,
        actor={"id": 0, "code": name, "description": "", "name": name, "type": "COMMAND_LINE"},
        throttle_key="command line",
    )


def _in_lines(report: Report) -> str:
    lines = [
        f"line {problem.line}: {f'{problem.column} ' if problem.column else ''}{problem.message}"
        for problem in report.problems
    ]
    if report.more_problems:
        lines.append(f"and {report.more_problems} more problems.")
    return "\n".join(["Nothing was written.", *lines])


def _described(form: Format) -> str:
    lines = [f"{form.kind}: {form.description}"]
    for column in form.columns:
        need = "required" if column.required else "optional"
        lines.append(f"  {column.name} ({need}): {column.description}")
    return "\n".join([*lines, "  Example:", *(f"    {ln}" for ln in form.example.splitlines()), ""])
