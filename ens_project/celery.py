"""The Celery application: an alarm clock for rows, never their keeper."""

import os

from celery import Celery
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ens_project.settings")

app = Celery("ens")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def start_engine(**_: object) -> None:
    from delivery.tasks import engine  # the apps are not ready before the worker is

    engine().start()


@worker_shutting_down.connect
def begin_to_stop_engine(**_: object) -> None:
    from delivery.tasks import engine

    engine().begin_stop()


@worker_shutdown.connect
def stop_engine(**_: object) -> None:
    from delivery.tasks import engine

    engine().stop()
