import os
import sys
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ens_project.console import Console
from ens_project.data_directory import DirectoryInUse
from ens_project.supervisor import CannotStart, Plan, supervise


class Command(BaseCommand):
    help = "Starts broker, web and workers of this machine, and keeps them running until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo",
            action="store_true",
            help="make missing secrets, seed an organization with a receiver on loopback, show it",
        )

    def handle(self, *args: object, demo: bool, **options: object) -> None:
        plan = Plan(
            data_dir=settings.DATA_DIR,
            host=settings.HOST,
            port=settings.PORT,
            web_processes=settings.WEB_PROCESSES,
            workers=settings.WORKERS,
            demo=demo,
            allowed_hosts=tuple(settings.ALLOWED_HOSTS),
            environ=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        stream = sys.stdout.buffer
        console = Console(
            stream, name_width=9, coloured=stream.isatty() and "NO_COLOR" not in os.environ
        )
        try:
            status = supervise(plan, console)
        except (CannotStart, DirectoryInUse) as reason:
            raise CommandError(str(reason)) from reason
        sys.exit(status)
