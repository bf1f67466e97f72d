import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from organizations.creation import create_credential
from organizations.management.creating import (
    CreatingCommand,
    add_access_arguments,
    existing_organization,
    text,
)
from organizations.models import Access

MAX_DAYS = 36_500


class Command(CreatingCommand):
    help = "Creates an API credential. Its secrets are shown this once."
    headline = "Credential {code} is created. Keep these, they are shown this once:"

    def add_arguments(self, parser: CommandParser) -> None:
        add_access_arguments(parser)
        parser.add_argument("--code", type=text, required=True, help="the till username")
        parser.add_argument("--name", type=text, default="", help="default: the code")
        parser.add_argument("--expires-in-days", type=days, metavar="N", help="default: never")
        super().add_arguments(parser)

    def create(self, **options: Any) -> dict[str, Any]:
        expires_in = options["expires_in_days"]
        credential, issued = create_credential(
            existing_organization(options["organization"]),
            options["code"],
            name=options["name"],
            webhooks=Access(options["webhooks"]),
            events=options["events"],
            expires_at=expires_in and timezone.now() + expires_in,
        )
        expires_at = credential.expires_at
        return {
            "organization": credential.organization_id,
            "code": credential.code,
            **issued._asdict(),
            "webhooks": credential.webhooks_access,
            "events": credential.may_write_events,
            "expiresAt": None if expires_at is None else expires_at.isoformat(timespec="seconds"),
        }


def days(argument: str) -> timedelta:
    if not (argument.isascii() and argument.isdigit() and 0 < int(argument) <= MAX_DAYS):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {MAX_DAYS}")
    return timedelta(days=int(argument))
