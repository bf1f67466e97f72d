"""Begins and ends replays of a range; the sweep makes their deliveries."""

from django.core.exceptions import ValidationError
from django.db import transaction

from delivery.cancelling import cancel_rows
from delivery.engine.clock import database_now
from delivery.models import Delivery, Replay
from delivery.replay.choice import Choice
from delivery.replay.one import check_is_sent_to
from organizations import audit
from webhooks.models import Webhook


def start(webhook: Webhook, choice: Choice, by: audit.By) -> Replay:
    """The replay, which is under way from now on; one that has nothing to do has ended.

    Raises ValidationError when the webhook is not active, or another replay of it has rows left
    to make: it would be asked for the same ones.
    """
    total = choice.count(webhook)  # before: it may take a while
    with transaction.atomic():
        # Not against those who make deliveries of new events, which refer to the row.
        locked = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
        check_is_sent_to(locked)
        if Replay.objects.running().filter(webhook=locked).exists():
            message = "A replay of this webhook is running; wait for its end, or cancel it."
            raise ValidationError(message, "replay_running")
        replay = Replay(
            webhook=locked,
            start=choice.start,
            end=choice.end,
            states=list(choice.states),
            event_names=list(choice.event_names),
            missing=choice.missing,
            total=total,
            created_at=choice.asked_at,
            requested_by=audit.caller_in(by).actor,
        )
        replay.save(force_insert=True)
        if not replay.total:
            replay.finish(database_now())
        audit.record(by, action="started replay", obj=locked, after=audited(replay))
    return replay


def cancel(replay: Replay, by: audit.By) -> int:
    """Stop it, and cancel what waits of it. Answers how many deliveries were cancelled.

    One that is over, with nothing left that waits, stays as it was.
    """
    with transaction.atomic():
        # The sweep makes rows under this lock: none come after.
        locked = Replay.objects.select_for_update(of=("self",)).select_related("webhook")
        current = locked.get(pk=replay.pk)
        rows = Delivery.objects.filter(replay=current)
        cancelled = cancel_rows(rows, max(current.total, current.made))
        if not cancelled and not current.is_running:
            return 0
        current.cancel(database_now())
        after = {"replay": current.pk, "made": current.made, "cancelled": cancelled}
        audit.record(by, action="cancelled replay", obj=current.webhook, after=after)
    return cancelled


def audited(replay: Replay) -> audit.Fields:
    return {
        "replay": replay.pk,
        "from": replay.start,
        "to": replay.end,
        "status": replay.states,
        "event_names": replay.event_names,
        "missing": replay.missing,
        "deliveries": replay.total,
    }
