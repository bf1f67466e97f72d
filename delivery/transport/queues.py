"""Puts messages into queues, guarded and within their deadlines, over kept connections."""

import time
from typing import Protocol

from delivery.transport import queue_sqs
from delivery.transport.guard import Guard
from delivery.transport.http import Door as HttpDoor
from delivery.transport.http import tls_context
from delivery.transport.origin import queue_origin
from delivery.transport.pool import Pool
from delivery.transport.queue_amqp import AmqpLink
from delivery.transport.queue_message import Message, QueueDestination
from delivery.transport.queue_redis import RedisLink
from delivery.transport.result import MAX_DETAIL_CHARS, ErrorClass, Result, SendError, printable
from delivery.transport.wire import reach
from webhooks.headers import MASK
from webhooks.queue_url import QueueUrl

MOST_KEPT = 256
MOST_KEPT_FOR_ONE = 50


class Link(Protocol):
    """A connection that is logged in, for one message at a time.

    `publish` answers a line about the acknowledgement and raises SendError. It belongs to one URL:
    nobody else's messages go out with its credentials.
    """

    address: str
    is_answered: bool
    idle_since: float | None

    def is_quiet(self) -> bool: ...

    def publish(self, message: Message, deadline: float) -> str: ...

    def close(self) -> None: ...


class _StaleError(Exception):
    """A kept connection had ended before the message came."""


class Queues:
    """One for a process, used by all its threads.

    What SQS wants is an HTTP request and goes through `http`.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        http: HttpDoor,
        ca_bundle: str | None = None,
        pool_size: int = MOST_KEPT_FOR_ONE,
        max_kept: int = MOST_KEPT,
        max_idle_s: float = 60.0,
    ) -> None:
        self._guard = guard
        self._http = http
        self._tls = tls_context(ca_bundle)
        self._pool: Pool[QueueUrl, Link] = Pool(
            per_origin=min(pool_size, MOST_KEPT_FOR_ONE),
            total=min(max_kept, MOST_KEPT),
            idle_s=max_idle_s,
        )

    def post(
        self, destination: QueueDestination, message: Message, *, timeout_s: float | None = None
    ) -> Result:
        """Deliver the message and tell how it went, whatever the broker does.

        `timeout_s` bounds everything from the name's resolution to the acknowledgement; None means
        the destination's.
        """
        limit_s = destination.timeout_s if timeout_s is None else timeout_s
        started = time.monotonic()
        error: ErrorClass | None = None
        try:
            detail, address = self._publish(destination.url, message, started + limit_s)
        except SendError as failure:
            error, detail, address = failure.error, failure.detail, failure.address or ""
        if destination.url.password:  # a broker could send back what it was told
            detail = detail.replace(destination.url.password, MASK)
        return Result(
            status=None,
            error=error,
            detail=printable(detail)[:MAX_DETAIL_CHARS],
            headers=(),
            body="",
            body_truncated=False,
            address=address or None,
            duration_ms=(time.monotonic() - started) * 1000,
        )

    def close_idle(self) -> None:
        """Close the connections that were kept for too long."""
        self._pool.drop_expired()

    def close(self) -> None:
        """Close the kept connections; those in use end with their messages."""
        self._pool.close()

    def _publish(self, url: QueueUrl, message: Message, deadline: float) -> tuple[str, str]:
        if url.family == "sqs":
            return queue_sqs.publish(self._http, url, message, deadline - time.monotonic())
        kept = self._pool.take(url)
        if kept is not None:
            try:
                return self._publish_over(kept, url, message, deadline)
            except _StaleError:
                pass
        return self._publish_over(self._connect(url, deadline), url, message, deadline)

    def _connect(self, url: QueueUrl, deadline: float) -> Link:
        wire = reach(queue_origin(url), self._guard, self._tls, deadline)
        kind: type[AmqpLink | RedisLink] = AmqpLink if url.family == "amqp" else RedisLink
        try:
            return kind(wire, url, deadline)
        except SendError as error:
            wire.close()
            error.address = wire.address
            raise
        except BaseException:
            wire.close()
            raise

    def _publish_over(
        self, link: Link, url: QueueUrl, message: Message, deadline: float
    ) -> tuple[str, str]:
        try:
            detail = link.publish(message, deadline)
        except SendError as error:
            link.close()
            is_kept = link.idle_since is not None
            if is_kept and not link.is_answered and error.error is not ErrorClass.TIMEOUT:
                raise _StaleError from error
            error.address = link.address
            raise
        except BaseException:
            link.close()
            raise
        self._pool.give(url, link)
        return detail, link.address
