"""Messages that wait in a list beside the queue, so that all of them begin to run at once."""

import os

import redis


def broker_url(number: int) -> str:
    """The run's Valkey, another of its databases for each contender."""
    return f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"


def parked(queue: str) -> str:
    return f"{queue}-parked"


def release(url: str, queue: str, count: int) -> None:
    """Put everything that was published to `parked(queue)` into `queue`."""
    with redis.Redis.from_url(url) as client:
        waiting = client.llen(parked(queue))
        assert waiting == count, f"{waiting} of {count} messages wait"
        client.rename(parked(queue), queue)
