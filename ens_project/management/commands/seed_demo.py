from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from ens_project.demo.commands import require_demo
from ens_project.demo.seed import seed


class Command(BaseCommand):
    help = "Makes the demo's organizations, users, credential and webhook, as far as missing."

    def handle(self, *args: object, **options: object) -> None:
        require_demo()
        try:
            state = seed()
        except ValidationError as error:
            raise CommandError(f"The demo can not be made: {' '.join(error.messages)}") from error
        except OSError as error:
            raise CommandError(
                f"{settings.DEMO_FILE} can not be written ({error.strerror})."
            ) from error
        self.stdout.write(
            f"Organization {state.organization} is there; its receiver listens on port"
            f" {state.receiver_port}."
        )
