"""The Celery application of the plain design: `celery -A benchmarks.contenders.one_task_worker`.

Each delivery is a task of its own: read the row, send, log the attempt, move the row.
"""

import json
import os
import time
from functools import cache

import requests
from celery import Celery
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

import ens_project.celery  # noqa: F401  what it connects is taken away below
from benchmarks.contenders.queued import broker_url

QUEUE = "one-task"

# Our settings make Django known here, and with them comes our application: its engine must not
# run along.
for signal in (worker_ready, worker_shutting_down, worker_shutdown):
    signal.receivers.clear()

app = Celery("one-task", broker=broker_url(5))
app.conf.task_default_queue = QUEUE
app.conf.task_ignore_result = True
app.conf.task_acks_late = True
app.conf.broker_connection_retry_on_startup = True


@cache
def session(_pid: int) -> requests.Session:
    return requests.Session()


@app.task(autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=5)
def deliver(delivery_id: str) -> None:
    from django.utils import timezone

    from delivery.models import Attempt, Delivery, State
    from delivery.transport.signing import sign

    delivery = Delivery.objects.select_related("event", "webhook").get(pk=delivery_id)
    secrets = [secret.secret for secret in delivery.webhook.signing_secrets.all()]
    body = delivery.event.payload.encode()
    started_at, began, timestamp_s = timezone.now(), time.monotonic(), int(time.time())
    headers = {
        "User-Agent": "ENS/benchmark",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        **{header.name: header.value for header in delivery.webhook.headers.all()},
        "webhook-id": delivery.event.event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": sign(secrets, delivery.event.event_id, timestamp_s, body),
    }
    response = session(os.getpid()).post(
        delivery.webhook.url, data=body, headers=headers, timeout=30, allow_redirects=False
    )
    response.raise_for_status()
    duration_ms = (time.monotonic() - began) * 1000
    Attempt.objects.create(
        delivery=delivery,
        number=delivery.attempts + 1,
        started_at=started_at,
        duration_ms=duration_ms,
        request_headers=json.dumps(list(headers.items())),
        status=response.status_code,
        response_headers=json.dumps(list(response.headers.items())),
        response_body=response.text,
    )
    Delivery.objects.filter(pk=delivery_id).update(
        state=State.DELIVERED,
        attempts=delivery.attempts + 1,
        finished_at=timezone.now(),
        last_status=response.status_code,
        last_duration_ms=duration_ms,
    )
