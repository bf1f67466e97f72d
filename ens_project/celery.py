"""The Celery application: an alarm clock for rows, never their keeper."""

import os

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ens_project.settings")

app = Celery("ens")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def start_engine(**_: object) -> None:
    from delivery.engine.process import start

    start()


@worker_shutting_down.connect
def stop_engine(**_: object) -> None:
    from delivery.engine.process import begin_stop

    begin_stop()
