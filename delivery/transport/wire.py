"""A connection to a receiver on which nothing lasts longer than its deadline.

Timeouts of sockets bound one operation each, so that a peer that sends a byte now and then is
never cut. Here every operation gets the time that is left. A deadline is a reading of
`time.monotonic`.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from delivery.transport.guard import ForbiddenAddress, Guard
from delivery.transport.origin import Origin
from delivery.transport.resolver import Address
from delivery.transport.result import ErrorClass, SendError

RECEIVE_BYTES = 16 * 1024
MAX_EARLY_BYTES = 64 * 1024
MAX_ADDRESSES = 16
MAX_CONNECT_S = 5.0  # for an address that is not the last one


T = TypeVar("T")


class DisconnectedError(ConnectionError):
    """The peer closed the connection where more was due."""


class InvalidResponseError(Exception):
    """What came is no HTTP/1 response."""


class Wire:
    """A connected socket, the bytes that came and are not used yet, and the peer's address.

    `buffer` grows by `receive` and is consumed by its reader; `is_answered` says that a byte has
    come since it was last set to False. `idle_since` is None on a fresh connection. A socket with
    TLS never blocks: some event loops count a TLS socket's timeout anew for every packet.
    """

    __slots__ = ("_secure", "_sock", "address", "buffer", "idle_since", "is_answered")

    def __init__(self, sock: socket.socket, address: str) -> None:
        self._sock = sock
        self._secure = False
        self.address = address
        self.buffer = bytearray()
        self.is_answered = False
        self.idle_since: float | None = None

    def start_tls(self, context: ssl.SSLContext, server_name: str, deadline: float) -> None:
        """Handshake, and verify that the certificate is the name's. Raises OSError."""
        sock = context.wrap_socket(
            self._sock, server_hostname=server_name, do_handshake_on_connect=False
        )
        self._sock, self._secure = sock, True
        self._finish(sock.do_handshake, deadline)

    def send(self, data: bytes, deadline: float) -> bool:
        """Send it all. False if the peer answered, or left, before it had read everything.

        Raises TimeoutError and other OSErrors.
        """
        sock, view = self._sock, memoryview(data)
        while view:
            try:
                sent = sock.send(view)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                sent = 0  # which is what gevent's TLS returns instead
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return False  # what it said before it left can still be read
            if sent:
                view = view[sent:]
                continue
            ready = self._wait(select.POLLIN | select.POLLOUT, deadline)
            if ready & select.POLLIN and self._is_interrupted():
                return False
        return True

    def send_whole(self, data: bytes | memoryview, deadline: float) -> None:
        """Send it all, whatever the peer says meanwhile. Raises TimeoutError and other OSErrors."""
        if not self._secure:
            self._sock.setblocking(False)
        view = memoryview(data)
        while view:
            try:
                sent = self._finish(partial(self._sock.send, view), deadline)
            except BlockingIOError:
                sent = 0
            if not sent:  # gevent's TLS says so instead of raising
                self._wait(select.POLLOUT, deadline)
            view = view[sent:]

    def receive(self, deadline: float) -> bool:
        """Wait for bytes and append them to the buffer; False at the end of the stream.

        Raises TimeoutError and other OSErrors.
        """
        if self._secure:
            chunk = self._finish(self._receive_now, deadline)
        else:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            chunk = self._sock.recv(RECEIVE_BYTES)
        self._add(chunk)
        return bool(chunk)

    def is_quiet(self) -> bool:
        """Whether nothing came since the last response, neither bytes nor the end."""
        if self.buffer or (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()):
            return False
        try:
            self._sock.setblocking(False)
            # Beneath TLS, where a farewell of the peer shows as bytes too.
            socket.socket.recv(self._sock, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        self._sock.close()

    def _add(self, chunk: bytes) -> None:
        if chunk:
            self.buffer += chunk
            self.is_answered = True

    def _receive_now(self) -> bytes:
        return self._sock.recv(RECEIVE_BYTES)

    def _is_interrupted(self) -> bool:
        try:
            chunk = self._receive_now()
        except ConnectionError:
            return True
        except (BlockingIOError, ssl.SSLWantReadError):  # only TLS's own, such as a ticket
            return False
        self._add(chunk)
        is_interim = self.buffer.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1"))
        return not chunk or not is_interim or len(self.buffer) > MAX_EARLY_BYTES

    def _finish(self, operation: Callable[[], T], deadline: float) -> T:
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)

    def _wait(self, events: int, deadline: float) -> int:
        left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(self._sock.fileno(), events)
        ready = poll.poll(left * 1000) if left > 0 else []
        if not ready:
            raise TimeoutError
        return ready[0][1]


def reach(origin: Origin, guard: Guard, tls: ssl.SSLContext, deadline: float) -> Wire:
    """Resolve the host, once, and connect to an address of it that the guard has let pass.

    Raises SendError.
    """
    try:
        guard.check_origin(origin)
        addresses = guard.resolve(origin.host, origin.port, deadline)
    except ForbiddenAddress as error:
        raise SendError(ErrorClass.FORBIDDEN_ADDRESS, str(error)) from error
    except OSError as error:
        raise send_error(error, f"resolving {origin.host}") from error
    return connect(origin, addresses, tls, deadline)


def connect(
    origin: Origin, addresses: Sequence[Address], tls: ssl.SSLContext, deadline: float
) -> Wire:
    """Connect to the first of the addresses that takes it, in their order.

    An address that does not answer gets a part of the time, so that the others have theirs.
    Raises SendError.
    """
    failure = SendError(ErrorClass.DNS, "the name has no address")
    tried = addresses[:MAX_ADDRESSES]
    for position, address in enumerate(tried, start=1):
        left = deadline - time.monotonic()
        remaining = len(tried) - position
        timeout_s = min(left / (remaining + 1), MAX_CONNECT_S) if remaining else left
        try:
            wire = _connect_one(address, timeout_s)
        except OSError as error:
            failure = send_error(error, f"connecting to {_peer(address)}")
            continue
        if origin.is_secure:
            _secure(wire, tls, origin.server_name, deadline)
        return wire
    raise failure


def _connect_one(address: Address, timeout_s: float) -> Wire:
    if timeout_s <= 0:
        raise TimeoutError
    family, sockaddr = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout_s)
        sock.connect(sockaddr)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return Wire(sock, _peer(address))


def _secure(wire: Wire, tls: ssl.SSLContext, server_name: str, deadline: float) -> None:
    try:
        wire.start_tls(tls, server_name, deadline)
    except OSError as error:
        wire.close()
        raise send_error(error, "TLS handshake", wire.address) from error
    except BaseException:
        wire.close()
        raise


def _peer(address: Address) -> str:
    family, sockaddr = address
    host, port = sockaddr[:2]
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"


# The first that fits; what is left of OSError is a network that does not lead there.
_CLASSES: tuple[tuple[type[Exception], ErrorClass], ...] = (
    (InvalidResponseError, ErrorClass.INVALID_RESPONSE),
    (TimeoutError, ErrorClass.TIMEOUT),
    (socket.gaierror, ErrorClass.DNS),
    (ConnectionRefusedError, ErrorClass.REFUSED),
    (ConnectionError, ErrorClass.RESET),
    (ssl.SSLEOFError, ErrorClass.RESET),
    (ssl.SSLZeroReturnError, ErrorClass.RESET),
    (ssl.SSLError, ErrorClass.TLS),
    (OSError, ErrorClass.UNREACHABLE),
)


def send_error(error: Exception, doing: str, address: str | None = None) -> SendError:
    """What a failure of the network or the peer means; `doing` says in which step it happened."""
    for kind, error_class in _CLASSES:
        if isinstance(error, kind):
            return SendError(error_class, f"{doing}: {_reason(error)}", address)
    raise error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "failed").lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "timed out"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "failed"
