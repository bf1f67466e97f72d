from typing import Any

from django.core.management.base import CommandParser

from organizations.creation import create_organization
from organizations.management.creating import CreatingCommand, existing_organization, text


class Command(CreatingCommand):
    help = "Creates an organization. Its id is the orgId of its events."
    headline = "Organization {id} is created."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", type=text)
        parser.add_argument("--id", type=int, dest="organization_id", help="default: the next one")
        parser.add_argument("--parent", type=int, metavar="ID", help="the organization above it")
        parser.add_argument(
            "--time-zone", type=text, default="UTC", help="such as Asia/Kolkata (default: UTC)"
        )
        super().add_arguments(parser)

    def create(self, **options: Any) -> dict[str, Any]:
        parent_id = options["parent"]
        organization = create_organization(
            options["name"],
            organization_id=options["organization_id"],
            parent=None if parent_id is None else existing_organization(parent_id),
            time_zone=options["time_zone"],
        )
        return {
            "id": organization.pk,
            "name": organization.name,
            "parent": organization.parent_id,
            "timeZone": organization.time_zone,
        }
