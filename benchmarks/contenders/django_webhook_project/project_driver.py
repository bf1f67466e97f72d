"""Makes the tables, then publishes what it is told: `QUEUE COUNT BODY-FILE URL …` on each line."""

import sys
from itertools import cycle, islice
from pathlib import Path

import django

# The application has to be the current one before the task is imported.
import project_celery  # noqa: F401

django.setup()

from django.core.management import call_command  # noqa: E402
from django_webhook.models import Webhook, WebhookEvent, WebhookSecret  # noqa: E402
from django_webhook.tasks import fire_webhook  # noqa: E402


def webhook_for(url: str) -> int:
    webhook, is_new = Webhook.objects.get_or_create(url=url)
    if is_new:
        WebhookSecret.objects.create(webhook=webhook, token="a token of the benchmark")
    return webhook.pk


def main() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    print("ready", flush=True)
    for line in sys.stdin:
        queue, count, body, *urls = line.split()
        WebhookEvent.objects.all().delete()
        payload = Path(body).read_text()
        for webhook_id in islice(cycle([webhook_for(url) for url in urls]), int(count)):
            fire_webhook.apply_async(
                (webhook_id, payload),
                {"topic": "shop.Order/create", "object_type": "shop.Order"},
                queue=queue,
            )
        print("published", flush=True)


main()
