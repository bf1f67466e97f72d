import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser

from organizations.creation import create_user
from organizations.management.creating import (
    CreatingCommand,
    add_access_arguments,
    existing_organization,
    text,
)
from organizations.models import Access


class Command(CreatingCommand):
    help = "Creates a user of the pages in an organization. Without a password, one is made."
    headline = "User {username} is created. A password shown here is shown this once:"

    def add_arguments(self, parser: CommandParser) -> None:
        add_access_arguments(parser)
        parser.add_argument("--username", type=text, required=True)
        password = parser.add_mutually_exclusive_group()
        password.add_argument("--password", help="others see it in the list of processes")
        password.add_argument("--prompt", action="store_true", help="ask for the password")
        super().add_arguments(parser)

    def create(self, **options: Any) -> dict[str, Any]:
        organization = existing_organization(options["organization"])
        chosen = self._asked_for() if options["prompt"] else options["password"]
        membership, password = create_user(
            organization,
            options["username"],
            password=chosen,
            webhooks=Access(options["webhooks"]),
            events=options["events"],
        )
        return {
            "organization": organization.pk,
            "id": membership.user_id,
            "username": membership.user.get_username(),
            "password": password if chosen is None else None,
            "webhooks": membership.webhooks_access,
            "events": membership.may_write_events,
        }

    def _asked_for(self) -> str:
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise CommandError("The two passwords differ.")
        return password
