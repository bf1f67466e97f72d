from typing import Any

from django.core.management.base import CommandError, CommandParser

from organizations.management.creating import CreatingCommand, text
from organizations.models import Credential


class Command(CreatingCommand):
    help = "Revokes a credential: nobody signs in with it any more, within seconds."
    headline = "Credential {code} is revoked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", type=text)
        super().add_arguments(parser)

    def create(self, **options: Any) -> dict[str, Any]:
        credential = Credential.objects.filter(code=options["code"], revoked_at=None).first()
        if credential is None:
            raise CommandError(f"There is no credential {options['code']} in use.")
        credential.revoke()
        return {"code": credential.code, "organization": credential.organization_id}
