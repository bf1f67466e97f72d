"""What the client libraries of queues take for a socket: a wire with a deadline.

They set timeouts for single operations, or none. Here the exchange as a whole has a deadline,
whatever they ask for, and the peer may send so many bytes and no more.
"""

from delivery.transport.wire import DisconnectedError, InvalidResponseError, Wire


class QueueSocket:
    """A connected, guarded socket with the methods that py-amqp and redis-py call.

    `failure` is what went wrong beneath the library, before it made an error of its own of it.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.failure: Exception | None = None
        self._deadline = 0.0
        self._allowed_bytes = 0

    def begin(self, deadline: float, max_bytes: int) -> None:
        """An exchange begins, with a deadline of `time.monotonic`, and so much to be read."""
        self._deadline = deadline
        self._allowed_bytes = max_bytes

    def sendall(self, data: bytes | memoryview) -> None:
        try:
            self.wire.send_whole(data, self._deadline)
        except OSError as error:
            self.failure = error
            raise

    def recv(self, count: int) -> bytes:
        """At most `count` bytes. Raises DisconnectedError at the end of the stream."""
        buffer = self.wire.buffer
        try:
            if not buffer:
                self._receive()
        except (OSError, InvalidResponseError) as error:
            self.failure = error
            raise
        part = bytes(buffer[:count])
        del buffer[:count]
        return part

    def recv_into(self, target: bytearray) -> int:
        part = self.recv(len(target))
        target[: len(part)] = part
        return len(part)

    def _receive(self) -> None:
        if not self.wire.receive(self._deadline):
            raise DisconnectedError("closed by the peer")
        self._allowed_bytes -= len(self.wire.buffer)
        if self._allowed_bytes < 0:
            raise InvalidResponseError("the answer is too long")

    def settimeout(self, timeout_s: float | None) -> None:
        """The exchange has its deadline."""

    def shutdown(self, how: int) -> None:
        """Closing is enough."""

    def close(self) -> None:
        self.wire.close()
