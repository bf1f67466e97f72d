"""RabbitMQ, through kombu and py-amqp, over a connection of our own making.

AMQP 0-9-1: https://www.rabbitmq.com/amqp-0-9-1-reference. Publisher confirms are on and messages
are mandatory: one that the exchange routes to no queue comes back and is not delivered.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from amqp import exceptions, spec
from amqp.transport import AMQP_PROTOCOL_HEADER, _AbstractTransport  # type: ignore[attr-defined]  # incomplete stubs
from kombu import Connection as Client
from kombu import Producer
from kombu.transport import pyamqp

from delivery.transport.queue_message import Message
from delivery.transport.queue_socket import QueueSocket
from delivery.transport.result import ErrorClass, SendError
from delivery.transport.wire import InvalidResponseError, Wire, send_error
from webhooks.queue_url import QueueUrl

FRAME_BYTES = 32 * 1024  # of which each connection holds one
LEAST_FRAME_BYTES = 4096  # so much every peer must take
HANDSHAKE_BYTES = 256 * 1024
MORE_THAN_THE_MESSAGE_BYTES = 256 * 1024  # it may come back
PERSISTENT = 2

# Replies of https://www.rabbitmq.com/amqp-0-9-1-reference#constants; the others pass.
_CLASSES = {
    311: ErrorClass.REJECTED,  # content too large
    403: ErrorClass.AUTH_REFUSED,
    404: ErrorClass.NOT_FOUND,  # the exchange
    406: ErrorClass.REJECTED,  # too large, or an invalid property
    530: ErrorClass.NOT_FOUND,  # the vhost
}
_NOT_ALLOWED = 530


class _Transport(_AbstractTransport):  # type: ignore[misc]  # untyped library
    """Frames over a socket that is connected already."""

    def __init__(self, sock: QueueSocket) -> None:
        super().__init__("")
        self.sock = sock

    def connect(self) -> None:
        self._write(AMQP_PROTOCOL_HEADER)
        self.connected = True

    @contextlib.contextmanager
    def having_timeout(self, timeout: float | None) -> Iterator[QueueSocket]:
        yield self.sock

    def _write(self, data: bytes | memoryview) -> None:
        self.sock.sendall(data)

    def _read(self, count: int, initial: bool = False) -> bytes:
        if count > FRAME_BYTES:
            raise InvalidResponseError("the frame is too long")
        data = bytearray()
        while len(data) < count:
            data += self.sock.recv(count - len(data))
        return bytes(data)

    def close(self) -> None:
        self.connected = False
        self.sock.close()


class _Connection(pyamqp.Connection):
    # Without `connection.blocked`: a broker that takes nothing runs into the deadline.
    negotiate_capabilities = {"publisher_confirms": True, "authentication_failure_close": True}

    def __init__(self, *, queue_socket: QueueSocket, **options: Any) -> None:
        super().__init__(**options)
        self._queue_socket = queue_socket

    def Transport(self, *_: Any, **__: Any) -> _Transport:  # noqa: N802  the library's name
        return _Transport(self._queue_socket)

    def _on_tune(
        self, channel_max: int, frame_max: int, heartbeat: int, argsig: str = "BlB"
    ) -> None:
        """The smaller frame, and no heartbeat: nobody would send one while nothing is sent."""
        if 0 < frame_max < LEAST_FRAME_BYTES:
            raise InvalidResponseError("the frames are too short")
        frame_bytes = min(frame_max or FRAME_BYTES, FRAME_BYTES)
        super()._on_tune(channel_max, frame_bytes, 0)  # type: ignore[misc]  # incomplete stubs


class _KombuTransport(pyamqp.Transport):
    Connection = _Connection


class AmqpLink:
    """A connection with one channel, for one message at a time. See `queues.Link`."""

    def __init__(self, wire: Wire, url: QueueUrl, deadline: float) -> None:
        """Log in. Raises SendError."""
        self._wire = wire
        self.address = wire.address
        self._url = url
        self._returned: Exception | None = None
        self._socket = QueueSocket(wire)
        self.idle_since: float | None = None
        client = Client(
            hostname="broker",  # the socket knows where it leads
            userid=url.user or None,
            password=url.password or None,
            virtual_host=url.place,
            login_method="PLAIN",
            transport=_KombuTransport,
            heartbeat=0,
            transport_options={
                "queue_socket": self._socket,
                "frame_max": FRAME_BYTES,
                "channel_max": 1,
                "confirm_publish": True,
            },
        )
        with self._exchange("logging in", deadline, HANDSHAKE_BYTES):
            self._connection = client.transport.establish_connection()
            channel = client.transport.create_channel(self._connection)
            self._producer = Producer(channel, auto_declare=False, on_return=self._on_return)

    @property
    def is_answered(self) -> bool:
        return self._wire.is_answered

    @is_answered.setter
    def is_answered(self, value: bool) -> None:
        self._wire.is_answered = value

    def is_quiet(self) -> bool:
        return self._wire.is_quiet()

    def publish(self, message: Message, deadline: float) -> str:
        """Answers what the broker told of the message. Raises SendError."""
        self._returned = None
        limit = len(message.body) + MORE_THAN_THE_MESSAGE_BYTES
        headers = {name: text for name, text in message.headers.items() if name != "Content-Type"}
        with self._exchange("publishing", deadline, limit):
            self._producer.publish(
                message.body,
                exchange=self._url.name,
                routing_key=self._url.options.get("routing_key", ""),
                mandatory=True,
                delivery_mode=PERSISTENT,
                content_type=message.headers["Content-Type"],
                content_encoding="utf-8",
                headers=headers,
                message_id=message.event_id,
                timestamp=message.timestamp_s,
                app_id=message.user_agent,
            )
        self._check_not_returned()
        return "confirmed by the broker"

    def close(self) -> None:
        """With a farewell, for whose answer nobody waits."""
        with contextlib.suppress(Exception):
            self._socket.begin(time.monotonic() + 0.1, 0)
            method = spec.Connection.Close
            self._connection.send_method(method, "BsBB", (200, "", 0, 0))
        self._wire.close()

    def _check_not_returned(self) -> None:
        if self._returned is not None:
            why = getattr(self._returned, "reply_text", None) or "returned"
            detail = f"publishing: the exchange routed it to no queue ({why})"
            raise SendError(ErrorClass.UNROUTABLE, detail)

    def _on_return(self, error: Exception, *_: object) -> None:
        self._returned = error

    @contextlib.contextmanager
    def _exchange(self, doing: str, deadline: float, max_bytes: int) -> Iterator[None]:
        self._socket.begin(deadline, max_bytes)
        try:
            yield
        except Exception as error:
            # Whatever a peer can make the library raise: it trips over malformed frames in many
            # ways, and an attempt must end as one.
            failure = self._socket.failure or error
            raise _send_error(failure, doing, deadline) from error


def _send_error(error: Exception, doing: str, deadline: float) -> SendError:
    if isinstance(error, exceptions.AMQPError) and error.reply_code:
        code, text = error.reply_code, str(error.reply_text or "")
        kind = _CLASSES.get(code, ErrorClass.UNAVAILABLE)
        if code == _NOT_ALLOWED and "limit" in text:
            kind = ErrorClass.UNAVAILABLE  # of connections; the reply has no code of its own
        return SendError(kind, f"{doing}: {text or code}")
    if isinstance(error, exceptions.MessageNacked):
        return SendError(ErrorClass.UNAVAILABLE, f"{doing}: the broker did not take the message")
    if time.monotonic() >= deadline:
        error = TimeoutError()
    if isinstance(error, InvalidResponseError | OSError):
        return send_error(error, doing)
    return SendError(ErrorClass.INVALID_RESPONSE, f"{doing}: not what an AMQP broker says")
