"""Makes one delivery again, at the wish of a person or a program."""

from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from delivery import tasks
from delivery.engine.clock import database_now
from delivery.models import Delivery, State
from delivery.replay.again import make_again
from organizations import audit
from webhooks.models import Webhook


class Again(NamedTuple):
    """`is_new` is False when a delivery that nobody has tried yet was there already."""

    delivery: Delivery
    is_new: bool


def check_is_sent_to(webhook: Webhook) -> None:
    """Raises ValidationError where a new delivery would only wait, or be cancelled."""
    if webhook.deleted_at is not None:
        raise ValidationError("The webhook is deleted; nothing is sent to it.", "webhook_off")
    if webhook.deactivated_at is not None:
        message = "The webhook is deactivated; activate it first."
        raise ValidationError(message, "webhook_off")


def replay_one(delivery: Delivery, by: audit.By) -> Again:
    """A new delivery of the same event to the same webhook, and the workers told of it.

    What is replayed is always the newest: of two who ask at once, the second finds the first
    one's delivery, and while it is pending that is the answer to both. Raises ValidationError
    when it is in flight (its result is seconds away), the webhook is not active, or the event is
    a test: its webhook was perhaps never subscribed to it.
    """
    if delivery.event.is_test:
        message = "A test is not replayed; send another one."
        raise ValidationError(message, "replay_of_test")
    with transaction.atomic():
        newest = _lock_newest(delivery)
        webhook = newest.webhook
        check_is_sent_to(webhook)
        if newest.state == State.IN_FLIGHT:
            raise ValidationError("It is in flight; wait for what comes of it.", "in_flight")
        if newest.state == State.PENDING:
            return Again(newest, is_new=False)
        (made,) = make_again([newest], webhook, database_now(), None)
        after = {"event_id": newest.event.event_id, "replayed": newest.pk, "delivery": made}
        audit.record(by, action="replayed", obj=webhook, after=after)
        # Robust: what is committed must not be answered with an error.
        transaction.on_commit(lambda: tasks.waker().soon([webhook.pk]), robust=True)
    return Again(Delivery.objects.select_related("event", "webhook").get(pk=made), is_new=True)


def _lock_newest(delivery: Delivery) -> Delivery:
    """Of the event at the webhook, as it is now that it is locked."""
    rows = Delivery.objects.filter(event=delivery.event_id, webhook=delivery.webhook_id)
    ids = rows.order_by("-id").values_list("pk", flat=True)[:1]
    newest = ids.get()
    while True:
        locked = rows.select_related("event", "webhook").select_for_update(of=("self",))
        found = locked.get(pk=newest)
        # Whoever had the lock before us may have made a newer one.
        if newest == (newest := ids.get()):
            return found
