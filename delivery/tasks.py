"""What travels through the broker: the wake-up of a webhook's drain, and nothing else."""

from functools import cache

from celery import shared_task

from delivery.engine.process import Engine
from delivery.engine.wake import Waker
from organizations.redis import door

ENGINE_TIMEOUT_S = 2.0


@shared_task(name="delivery.drain")
def drain(webhook_id: int) -> None:
    """Deliver what is due for the webhook; may come twice, late, or for nothing."""
    if isinstance(webhook_id, int):
        engine().drain(webhook_id)


@cache
def waker() -> Waker:
    def publish(webhook_id: int) -> None:
        drain.apply_async((webhook_id,))

    return Waker(door(ENGINE_TIMEOUT_S), publish)


@cache
def engine() -> Engine:
    """The engine of this process, made when it is first needed."""
    return Engine(waker(), door(ENGINE_TIMEOUT_S))
