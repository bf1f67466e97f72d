from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ens_project.demo.commands import seeded
from ens_project.demo.show import LogUnreadable, Show
from ens_project.demo.story import story
from events.client import NoAnswer, local_url
from events.publishing import NotPublished


class Command(BaseCommand):
    help = "Publishes the demo's events, shows what became of them, and how to go on from there."

    def handle(self, *args: object, **options: object) -> None:
        state = seeded()
        url = local_url(settings.HOST, settings.PORT)
        try:
            shown = Show(state, url).run()
        except (NoAnswer, NotPublished, LogUnreadable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(story(state, url, shown))
        if late := [event.name for event in shown.events if not event.is_delivered]:
            raise CommandError(
                f"Not delivered: {', '.join(late)}. The lines of the receiver and of the workers"
                " tell why, and so does the log of each event."
            )
