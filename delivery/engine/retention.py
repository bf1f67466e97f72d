"""Forgets what is older than the retention, in small batches."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from delivery.intervals import hour_of
from delivery.models import FINAL, Alert, Attempt, Delivery, Tally
from events.models import Event

BATCH = 500


def first_row_id(moment: dt.datetime) -> uuid.UUID:
    """The smallest UUID v7 of this moment: row ids sort by time, so the primary key is the index.

    Layout: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
    """
    return uuid.UUID(int=(int(moment.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62))


def clean_up(now: dt.datetime) -> int:
    """Delete one batch of deliveries, with their attempts, and one of events and alerts.

    Answers how many rows.

    What was counted of an hour goes when all of the hour is too old.
    """
    oldest = now - dt.timedelta(days=settings.RETENTION_DAYS)
    before = first_row_id(oldest)
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
    return len(ids) + len(event_ids) + _forget_tallies(oldest) + _forget_alerts(oldest)


def _forget_alerts(oldest: dt.datetime) -> int:
    with transaction.atomic():
        old = Alert.objects.filter(created_at__lt=oldest).order_by("created_at")
        ids = list(old.values_list("id", flat=True)[:BATCH])
        Alert.objects.filter(id__in=ids).delete()
    return len(ids)


def _forget_tallies(oldest: dt.datetime) -> int:
    with transaction.atomic():
        old = Tally.objects.filter(hour__lt=hour_of(oldest)).order_by("hour")
        # Whoever adds to one now is not waited for: it goes the next time.
        ids = list(old.select_for_update(skip_locked=True).values_list("id", flat=True)[:BATCH])
        Tally.objects.filter(id__in=ids).delete()
    return len(ids)
