"""At most `maxAllowedConnections` requests are in flight to a webhook, whoever sends them."""

import itertools
import time

import celery
from django.db.models import F

from delivery.engine.semaphore import LEASE_MS
from delivery.models import Delivery, State
from tests.factories import WebhookFactory
from tests.proof.deadline import Deadline
from tests.proof.rows import create_due, end_leases
from tests.proof.stage import Stage
from webhooks.models import Webhook

# Limit: deliveries, and how long the receiver takes for each.
LOADS = {1: (500, 0.002), 3: (1_000, 0.005), 50: (3_500, 0.04)}
A_DRAIN_IN_EACH_WORKER = 6  # messages; whoever drains already ignores them


def wake(stage: Stage, webhooks: list[Webhook]) -> None:
    """Messages come twice now and then; here they always do, so that all workers drain."""
    with celery.Celery(broker=stage.redis.url) as app:
        for _ in range(A_DRAIN_IN_EACH_WORKER):
            for webhook in webhooks:
                app.send_task("delivery.drain", (webhook.pk,), queue="ens")


def slots(stage: Stage, webhook: Webhook) -> dict[bytes, float]:
    """The taken slots of the webhook, with the end of their lease in epoch milliseconds."""
    return dict(stage.redis.client.zrange(f"ens:sem:{webhook.pk}", 0, -1, withscores=True))


def undelivered() -> int:
    return Delivery.objects.exclude(state=State.DELIVERED).count()


def test_two_workers_and_5_000_deliveries_never_exceed_limits_of_1_3_and_50(stage: Stage) -> None:
    receivers = stage.receivers(len(LOADS))
    webhooks: list[Webhook] = []
    for receiver, (limit, (_, delay_s)) in zip(receivers, LOADS.items(), strict=True):
        url = receiver.url(f"/status/200?delay={delay_s}")
        webhooks.append(WebhookFactory(url=url, max_connections=limit))
    stage.start_worker()
    stage.start_worker()
    stage.wait_for_workers(2)
    for webhook, (count, _) in zip(webhooks, LOADS.values(), strict=True):
        create_due(webhook, count)
    assert Delivery.objects.count() == 5_000
    looks = itertools.count()
    holders: set[bytes] = set()

    def is_finished() -> bool:
        if next(looks) % 10 == 0:
            wake(stage, webhooks)
        holders.update(slot.partition(b":")[0] for slot in slots(stage, webhooks[-1]))
        return not undelivered()

    Deadline(90).wait_for(is_finished, "all are delivered")

    for receiver, (limit, (count, _)) in zip(receivers, LOADS.items(), strict=True):
        peak = receiver.peak()
        assert peak <= limit
        assert peak > limit / 2  # or it would not have been worth counting
        assert sum(receiver.copies.values()) == len(receiver.copies) == count
    assert len(holders) == 2  # both workers sent to the webhook with 50 connections


def test_the_slots_of_a_killed_worker_count_until_their_lease_ends(stage: Stage) -> None:
    receiver = stage.receiver()
    webhook = WebhookFactory(url=receiver.url("/status/200?delay=0.05"), max_connections=4)
    create_due(webhook, 200)
    worker = stage.start_worker()
    Deadline().wait_for(lambda: receiver.in_flight == 4, "the worker uses all slots")
    worker.kill()
    receiver.wait_until_left()
    held, sent = slots(stage, webhook), receiver.total
    assert len(held) == 4
    assert max(held.values()) <= time.time() * 1000 + LEASE_MS

    stage.start_worker()
    mark = f"ens:sem:{webhook.pk}:waits"
    Deadline().wait_for(lambda: stage.redis.client.exists(mark), "the next one finds no slot")
    assert receiver.total == sent

    end_leases(stage.redis.client)
    Deadline().wait_for(lambda: not undelivered(), "all are delivered")
    assert receiver.peak() <= 4
    assert len(receiver.copies) == 200


def test_a_redis_that_is_emptied_opens_no_gates(stage: Stage) -> None:
    receiver = stage.receiver()
    webhook = WebhookFactory(url=receiver.url("/status/200?delay=0.03"), max_connections=10)
    stage.start_worker()
    stage.start_worker()
    stage.wait_for_workers(2)
    create_due(webhook, 600)
    wake(stage, [webhook])
    Deadline().wait_for(lambda: receiver.total > 100, "deliveries go on")
    stage.redis.client.flushall()
    wake(stage, [webhook])
    Deadline().wait_for(lambda: not undelivered(), "all are delivered")
    assert receiver.peak() <= 10
    assert len(receiver.copies) == receiver.total == 600


def test_a_limit_that_is_lowered_is_obeyed_by_the_next_requests(stage: Stage) -> None:
    receiver = stage.receiver()
    webhook = WebhookFactory(url=receiver.url("/status/200?delay=0.05"), max_connections=20)
    stage.start_worker()
    stage.start_worker()
    stage.wait_for_workers(2)
    create_due(webhook, 400)
    wake(stage, [webhook])
    Deadline().wait_for(lambda: len(slots(stage, webhook)) > 8, "many are in flight")
    Webhook.objects.filter(pk=webhook.pk).update(max_connections=2, revision=F("revision") + 1)
    Deadline().wait_for(lambda: len(slots(stage, webhook)) <= 2, "slots are given back")
    assert receiver.peak() <= 20
    Deadline().wait_for(lambda: undelivered() < 50, "deliveries go on")
    assert receiver.peak() <= 2
