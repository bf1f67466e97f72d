"""The Celery application: an alarm clock for rows, never their keeper."""

import gc
import os
import sys
import time
from typing import Any

import kombu.utils.functional
from celery import Celery, bootsteps
from celery.signals import worker_shutdown, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ens_project.settings")

app = Celery("ens")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# gevent's patching touches Celery's lazy names before it comes to `time`, and so kombu keeps the
# sleep that stops the whole process: half a minute at a time, while the broker is away.
kombu.utils.functional.sleep = time.sleep  # type: ignore[attr-defined]  # imported there

# Under gevent names are looked up in native threads, ten of them by default: as few slow name
# servers would hold up every new connection.
NAME_LOOKUPS = 32


def widen_name_lookups() -> None:
    hub = getattr(sys.modules.get("gevent"), "get_hub", None)
    if hub is not None:
        hub().threadpool.maxsize = NAME_LOOKUPS


class EngineStep(bootsteps.StartStopStep):
    """Starts the engine before the consumer, which waits for the broker for as long as it takes."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        from delivery.tasks import engine  # the apps are not ready before the worker is

        widen_name_lookups()
        engine().start()
        # What is loaded by now stays: looking at it again and again cost a fifth of enrichment.
        gc.collect()
        gc.freeze()


app.steps["worker"].add(EngineStep)


@worker_shutting_down.connect
def begin_to_stop_engine(**_: object) -> None:
    from delivery.tasks import engine

    engine().begin_stop()


@worker_shutdown.connect
def stop_engine(**_: object) -> None:
    from delivery.tasks import engine

    engine().stop()
