"""Redis streams, through redis-py's connection over one of our own making.

XADD, https://redis.io/docs/latest/commands/xadd/: the entry's fields are `body`, the bytes that
HTTP would carry, and `headers`, a JSON object.
"""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.retry import Retry

from delivery.transport.queue_message import Message
from delivery.transport.queue_socket import QueueSocket
from delivery.transport.result import ErrorClass, SendError
from delivery.transport.wire import InvalidResponseError, Wire, send_error
from webhooks.queue_url import QueueUrl

MOST_ANSWER_BYTES = 64 * 1024
_ENTRY = re.compile(rb"[0-9]{1,20}-[0-9]{1,20}")
_WRONG_TYPE = "WRONGTYPE"  # the key is there, and no stream


class _Connection(Connection):
    def __init__(self, sock: QueueSocket, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._queue_socket = sock

    def _connect(self) -> Any:
        return self._queue_socket


class RedisLink:
    """A connection for one command at a time. See `queues.Link`."""

    def __init__(self, wire: Wire, url: QueueUrl, deadline: float) -> None:
        """Log in and choose the database. Raises SendError."""
        self._wire = wire
        self.address = wire.address
        self._url = url
        self._socket = QueueSocket(wire)
        self.idle_since: float | None = None
        self._connection: Any = _Connection(
            self._socket,
            db=int(url.place),
            username=url.user or None,
            password=url.password or None,
            protocol=2,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
        )
        with self._exchange("logging in", deadline):
            self._connection.connect()  # type: ignore[no-untyped-call]

    @property
    def is_answered(self) -> bool:
        return self._wire.is_answered

    @is_answered.setter
    def is_answered(self, value: bool) -> None:
        self._wire.is_answered = value

    def is_quiet(self) -> bool:
        return self._wire.is_quiet()

    def publish(self, message: Message, deadline: float) -> str:
        """Answers the entry's id. Raises SendError."""
        length = self._url.options.get("maxlen")
        headers = json.dumps(message.headers, ensure_ascii=False)
        with self._exchange("adding to the stream", deadline):
            self._connection.send_command(
                *("XADD", self._url.name),
                *(("MAXLEN", "~", length) if length else ()),
                *("*", "body", message.body, "headers", headers),
            )
            entry = self._connection.read_response()
            if not isinstance(entry, bytes) or not _ENTRY.fullmatch(entry):
                raise InvalidResponseError("no id of an entry")
        return f"entry {entry.decode()}"

    def close(self) -> None:
        self._connection.disconnect()
        self._wire.close()

    @contextlib.contextmanager
    def _exchange(self, doing: str, deadline: float) -> Iterator[None]:
        self._socket.begin(deadline, MOST_ANSWER_BYTES)
        try:
            yield
        except Exception as error:
            # As in queue_amqp: whatever a peer can make the library raise.
            raise _send_error(self._socket.failure or error, doing, deadline) from error


def _send_error(error: Exception, doing: str, deadline: float) -> SendError:
    if time.monotonic() >= deadline:
        error = TimeoutError()
    if isinstance(error, InvalidResponseError | OSError):
        return send_error(error, doing)
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return SendError(ErrorClass.AUTH_REFUSED, f"{doing}: {error}")
    if isinstance(error, exceptions.InvalidResponse):
        return SendError(ErrorClass.INVALID_RESPONSE, f"{doing}: not what Redis says")
    if isinstance(error, exceptions.RedisError):
        is_wrong = str(error).startswith(_WRONG_TYPE)
        kind = ErrorClass.REJECTED if is_wrong else ErrorClass.UNAVAILABLE
        return SendError(kind, f"{doing}: {error}")
    return SendError(ErrorClass.INVALID_RESPONSE, f"{doing}: not what Redis says")
