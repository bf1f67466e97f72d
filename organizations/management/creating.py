"""What the create_* commands share: their options, one line for what is wrong, their output."""

import argparse
import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from organizations.models import Access, Organization


class CreatingCommand(BaseCommand):
    """Subclasses make something in `create` and answer what is to be shown of it."""

    headline = ""  # of the readable output, formatted with what is shown

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def create(self, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            shown = self.create(**options)
        except ValidationError as error:
            raise CommandError(_in_one_line(error)) from error
        except IntegrityError as error:
            raise CommandError("Somebody has just taken this name or id.") from error
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        self.stdout.write(self.headline.format(**shown))
        width = max(map(len, shown)) + 2
        for name, value in shown.items():
            if isinstance(value, bool):
                value = "yes" if value else "no"
            if value is not None:
                self.stdout.write(f"  {name:{width}}{value}")


def add_access_arguments(parser: CommandParser) -> None:
    parser.add_argument("--organization", type=int, required=True, metavar="ID")
    parser.add_argument(
        "--webhooks",
        choices=Access.values,
        default=Access.NONE.value,
        metavar="|".join(Access.values),
        help="access to webhooks, logs and event types (default: none)",
    )
    parser.add_argument("--events", action="store_true", help="may publish events")


def existing_organization(organization_id: int) -> Organization:
    """Raises CommandError."""
    organization = Organization.objects.filter(pk=organization_id).first()
    if organization is None:
        raise CommandError(f"There is no organization with the id {organization_id}.")
    return organization


def text(argument: str) -> str:
    """For argparse: bytes of the command line that were no UTF-8 can not be stored."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("use UTF-8") from None
    return argument.strip()


def _in_one_line(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
    )
