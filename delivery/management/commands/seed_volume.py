from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from delivery.volume.seed import Volume, fill
from organizations.creation import create_organization
from organizations.management.creating import existing_organization
from organizations.models import Organization


class Command(BaseCommand):
    help = (
        "Fills an organization with webhooks, events and deliveries as of a busy month:"
        " to look at the pages, and to measure them. Nothing is sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--webhooks", type=int, default=500)
        parser.add_argument("--deliveries", type=int, default=1_000_000)
        parser.add_argument("--event-types", type=int, default=500, help="custom ones")
        parser.add_argument(
            "--organization", type=int, metavar="ID", help="default: a new one is created"
        )
        parser.add_argument("--days", type=int, default=30, help="the events' age at most")
        parser.add_argument("--seed", type=int, default=1, help="another one: another picture")
        parser.add_argument(
            "--add", action="store_true", help="also to an organization that has webhooks"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("webhooks", "deliveries", "event_types", "days", "seed")
        volume = Volume(**{name: options[name] for name in names})
        if min(volume.webhooks, volume.days) < 1 or min(volume.deliveries, volume.event_types) < 0:
            raise CommandError("Use at least one webhook and one day, and no negative numbers.")
        organization = self._organization(options["organization"])
        if organization.webhooks.exists() and not options["add"]:
            raise CommandError(
                f"The organization {organization.pk} has webhooks. Say --add to fill it further."
            )
        fill(organization, volume, self.stdout.write)
        self.stdout.write(f"The organization {organization.pk} is full of it.")

    def _organization(self, organization_id: int | None) -> Organization:
        if organization_id is not None:
            return existing_organization(organization_id)
        return create_organization("Volume", time_zone="Asia/Singapore")
