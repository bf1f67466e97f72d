"""A webhook receiver on a raw socket that can misbehave in every way a test needs.

    with Receiver() as receiver:
        ...send to receiver.url("/status/503?retry_after=7")...
        (request,) = receiver.wait_for(1)

The path names the behaviour (`tests.behaviours`); `receiver.behaviour` overrides it for all
paths. It needs nothing but the standard library, so that it can run in a process of its own.
"""

import contextlib
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from tests.behaviours import (
    BEHAVIOURS,
    DRIP_INTERVAL_S,
    EARLY,
    Behaviour,
    Done,
    Exchange,
    Received,
)

LISTEN_BACKLOG = 512


class Receiver:
    """Listens on loopback, a thread for each connection, and records what comes.

    `tls` makes it speak TLS. `receive_buffer` is the kernel's, in bytes: small, so that a sender
    blocks when nobody reads. `drip_on_connect` is dripped to whoever connects, instead of
    listening to him. `max_concurrency` is the most requests that were in the works at one time.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        drip_on_connect: bytes | None = None,
    ) -> None:
        self.closing = threading.Event()
        self.behaviour: Behaviour | None = None
        self.raw_response = b""
        self.connections = 0
        self.max_concurrency = 0
        self._concurrency = 0
        self._requests: list[Received] = []
        self._seen: dict[tuple[str, str], int] = {}
        self._sockets: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._tls = tls
        self._drip_on_connect = drip_on_connect
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((host, 0))
        self._listener.listen(LISTEN_BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._authority = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="receiver", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def url(self, target: str = "/status/200") -> str:
        return f"{'https' if self._tls else 'http'}://{self._authority}{target}"

    @property
    def requests(self) -> list[Received]:
        """What has come so far, in its order."""
        with self._changed:
            return list(self._requests)

    def wait_for(self, count: int, timeout_s: float = 10.0) -> list[Received]:
        """The requests, once there are at least so many. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} of {count} requests came")
            return list(self._requests)

    def times_seen(self, request: Received) -> int:
        """How often the event of this request has come to its path, this time included."""
        with self._changed:
            return self._seen[_event(request)]

    def close_connections(self) -> None:
        """Close every connection that is open, in use or idle, and go on listening."""
        with self._changed:
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._sockets.add(sock)
                number = self.connections
            threading.Thread(
                target=self._serve, args=(sock, number), name="receiver", daemon=True
            ).start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        sock = raw
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._drip(sock)
            if self._tls is not None:
                sock = self._tls.wrap_socket(raw, server_side=True)
                with self._changed:
                    self._sockets.add(sock)
            with sock.makefile("rb") as stream:
                nth = 1
                while self._answer(sock, stream, number, nth):
                    nth += 1
        except (OSError, Done):
            pass
        except (ValueError, LookupError):  # no HTTP, or no such behaviour: the sender sees EOF
            pass
        finally:
            sock.close()
            with self._changed:
                self._sockets -= {raw, sock}

    def _drip(self, sock: socket.socket) -> None:
        for byte in self._drip_on_connect or b"":
            sock.sendall(bytes([byte]))
            if self.closing.wait(DRIP_INTERVAL_S):
                raise Done

    def _answer(
        self, sock: socket.socket, stream: io.BufferedIOBase, number: int, nth: int
    ) -> bool:
        first = stream.readline(65536)
        if not first:
            return False
        method, target, _version = first.decode("latin-1").split()
        raw_headers = tuple(_read_headers(stream))
        headers = {name.lower(): value for name, value in raw_headers}
        behaviour = self.behaviour or BEHAVIOURS[target.split("?")[0].split("/")[1]]
        with self._in_the_works() as settle:
            length = 0 if behaviour in EARLY else int(headers.get("content-length", "0"))
            body = stream.read(length)
            if len(body) < length:
                return False
            request = Received(method, target, headers, raw_headers, body, time.time(), number, nth)
            self._record(request)
            behaviour(Exchange(self, sock, request, settle))
        return True

    @contextlib.contextmanager
    def _in_the_works(self) -> Iterator[Callable[[], None]]:
        is_settled = False

        def settle() -> None:
            nonlocal is_settled
            with self._changed:
                self._concurrency -= not is_settled
                is_settled = True

        with self._changed:
            self._concurrency += 1
            self.max_concurrency = max(self.max_concurrency, self._concurrency)
        try:
            yield settle
        finally:
            settle()

    def _record(self, request: Received) -> None:
        with self._changed:
            event = _event(request)
            self._seen[event] = self._seen.get(event, 0) + 1
            self._requests.append(request)
            self._changed.notify_all()


def _event(request: Received) -> tuple[str, str]:
    return request.path, request.headers.get("webhook-id", "")


def _read_headers(stream: io.BufferedIOBase) -> Iterator[tuple[str, str]]:
    while line := stream.readline(65536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        yield name, value.strip()
