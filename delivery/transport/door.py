"""The one way out: to receivers over HTTP and to queues, through one interface."""

from typing import overload

from delivery.transport import queue_message, request
from delivery.transport.guard import Guard
from delivery.transport.http import Door as HttpDoor
from delivery.transport.queue_message import Message, QueueDestination
from delivery.transport.queues import Queues
from delivery.transport.request import Destination, Request
from delivery.transport.result import Result

AnyDestination = Destination | QueueDestination
Sendable = Request | Message


class Door:
    """Sends what `build` made. One for a process, used by all its threads.

    `ca_bundle` is a file or a directory of certificates, None certifi's bundle. `pool_size` bounds
    the connections kept for one destination, `max_kept` those of all; queues have bounds of their
    own beneath.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        ca_bundle: str | None = None,
        pool_size: int,
        max_kept: int = 1000,
        max_idle_s: float = 60.0,
    ) -> None:
        self._http = HttpDoor(
            guard=guard,
            ca_bundle=ca_bundle,
            pool_size=pool_size,
            max_kept=max_kept,
            max_idle_s=max_idle_s,
        )
        self._queues = Queues(
            guard=guard,
            http=self._http,
            ca_bundle=ca_bundle,
            pool_size=pool_size,
            max_kept=max_kept,
            max_idle_s=max_idle_s,
        )

    def post(
        self, destination: AnyDestination, sendable: Sendable, *, timeout_s: float | None = None
    ) -> Result:
        """Send what `build` made for the destination and tell how it went, whatever happens.

        `timeout_s` bounds everything up to the response's headers or the acknowledgement; None
        means the destination's.
        """
        if isinstance(destination, QueueDestination):
            assert isinstance(sendable, Message)  # noqa: S101  made for the destination
            return self._queues.post(destination, sendable, timeout_s=timeout_s)
        assert isinstance(sendable, Request)  # noqa: S101  likewise
        return self._http.post(destination, sendable, timeout_s=timeout_s)

    def close_idle(self) -> None:
        """Close the connections that were kept for too long."""
        self._http.close_idle()
        self._queues.close_idle()

    def close(self) -> None:
        """Close the kept connections; those in use end with what they send."""
        self._queues.close()
        self._http.close()


@overload
def build(destination: Destination, *, event_id: str, timestamp_s: int, body: bytes) -> Request: ...
@overload
def build(
    destination: QueueDestination, *, event_id: str, timestamp_s: int, body: bytes
) -> Message: ...
def build(destination: AnyDestination, *, event_id: str, timestamp_s: int, body: bytes) -> Sendable:
    """One event's request or message: the destination's, with the body and its signature.

    Raises ValueError for an event id that is not 1 to 128 printable ASCII characters.
    """
    if isinstance(destination, QueueDestination):
        return queue_message.build(
            destination, event_id=event_id, timestamp_s=timestamp_s, body=body
        )
    return request.build(destination, event_id=event_id, timestamp_s=timestamp_s, body=body)
