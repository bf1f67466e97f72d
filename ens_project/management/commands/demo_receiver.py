import signal
import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from ens_project.demo import brand
from ens_project.demo.commands import seeded
from ens_project.demo.receiver import DemoReceiver, Expected
from ens_project.demo.seed import RECEIVER_HOST
from ens_project.demo.state import DemoState
from webhooks.models import Webhook


class Command(BaseCommand):
    help = "Receives the demo's events on loopback, and prints a line for each, until Ctrl-C."

    def handle(self, *args: object, **options: object) -> None:
        state = seeded()
        address = (RECEIVER_HOST, state.receiver_port)
        try:
            server = DemoReceiver(
                address, lambda: expected(state), self.stdout.write, brand.REFUSED_AT_FIRST
            )
        except OSError as error:
            raise CommandError(
                f"{RECEIVER_HOST}:{state.receiver_port} can not be listened on ({error.strerror})."
            ) from error
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with server:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return


def expected(state: DemoState) -> dict[str, Expected]:
    """By path what the demo's webhooks send along now; of one that is gone nothing."""
    paths = {state.webhook_ids.get(planned.name): planned.path for planned in brand.WEBHOOKS}
    try:
        webhooks = Webhook.objects.filter(public_id__in=[key for key in paths if key])
        return {paths[webhook.public_id]: _of(webhook) for webhook in webhooks.with_related()}
    finally:
        connection.close()  # asked in a thread that lives as long as the sender's connection


def _of(webhook: Webhook) -> Expected:
    valid = webhook.signing_secrets.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    headers = {name.lower(): value for name, value in webhook.header_pairs}
    return Expected(tuple(row.secret for row in valid), headers.get("authorization", ""))
