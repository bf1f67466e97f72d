"""The Celery application that django-webhook's task runs in: Celery's defaults."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project_settings")

app = Celery("project", broker=os.environ["CONTENDER_BROKER_URL"])
app.conf.broker_connection_retry_on_startup = True
app.autodiscover_tasks()
