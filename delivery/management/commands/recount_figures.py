from typing import Any

from django.core.management.base import BaseCommand

from delivery import tally
from delivery.engine.clock import database_now
from events import frequency


class Command(BaseCommand):
    help = (
        "Counts all deliveries and events anew for the figures of the pages."
        " While it runs, outcomes of deliveries wait to be recorded."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        tally.recount()
        events = frequency.recount(database_now())
        self.stdout.write(f"Counted anew; {events:,} events.")
