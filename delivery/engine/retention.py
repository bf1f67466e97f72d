"""Forgets what is older than the retention, in small batches."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from delivery.models import FINAL, Attempt, Delivery
from events.models import Event

BATCH = 500


def first_row_id(moment: dt.datetime) -> uuid.UUID:
    """The smallest UUID v7 of this moment: row ids sort by time, so the primary key is the index.

    Layout: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
    """
    return uuid.UUID(int=(int(moment.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62))


def clean_up(now: dt.datetime) -> int:
    """Delete one batch of deliveries, with their attempts, and one of events. How many rows."""
    before = first_row_id(now - dt.timedelta(days=settings.RETENTION_DAYS))
    with transaction.atomic():
        old = Delivery.objects.filter(id__lt=before, state__in=FINAL).order_by("id")
        ids = list(old.values_list("id", flat=True)[:BATCH])
        Attempt.objects.filter(delivery__in=ids).delete()
        Delivery.objects.filter(id__in=ids).delete()
    with transaction.atomic():
        kept = Delivery.objects.filter(event=OuterRef("pk"))
        unused = Event.objects.filter(~Exists(kept), id__lt=before).order_by("id")
        event_ids = list(unused.values_list("id", flat=True)[:BATCH])
        Event.objects.filter(id__in=event_ids).delete()
    return len(ids) + len(event_ids)
