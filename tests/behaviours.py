"""The ways in which a webhook receiver can answer, well or ill; see `tests.receiver`."""

import contextlib
import gzip
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

HEAD_END = b"\r\n\r\n"
DRIP_INTERVAL_S = 0.05
REASONS = {200: "OK", 201: "Created", 204: "No Content", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Received:
    """One request as it came; header names are lower case, counts begin with 1."""

    method: str
    target: str
    headers: dict[str, str]
    raw_headers: tuple[tuple[str, str], ...]
    body: bytes
    received_at: float  # time.time()
    connection: int
    nth_on_connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


class Host(Protocol):
    """What a behaviour may ask of the receiver it runs in."""

    closing: threading.Event
    raw_response: bytes

    def times_seen(self, request: Received) -> int:
        """How often the event of this request has come to its path, this time included."""


class Done(Exception):
    """The behaviour has ended the connection itself."""


@dataclass
class Exchange:
    """What a behaviour works with: the request, the socket, and the receiver it belongs to."""

    receiver: Host
    sock: socket.socket
    request: Received
    settle: Callable[[], None]
    """Says that the request is no longer in the works; to be called before the sender can know."""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def respond(
        self, status: int, body: bytes = b"ok", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.settle()
        head = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}"]
        head += [f"{name}: {value}" for name, value in headers]
        if status != 204:
            head.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(head).encode("latin-1") + HEAD_END + (b"" if status == 204 else body))

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the receiver runs."""
        if self.receiver.closing.wait(seconds):
            raise Done

    def hang(self) -> None:
        """Until the sender leaves, or the receiver ends."""
        self.sock.settimeout(0.1)
        while not self.receiver.closing.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.sock.recv(65536):
                    break
        raise Done

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Done

    def drip(self, data: bytes, interval_s: float = DRIP_INTERVAL_S) -> None:
        for position in range(len(data)):
            self.send(data[position : position + 1])
            self.pause(interval_s)


Behaviour = Callable[[Exchange], None]


def status(exchange: Exchange) -> None:
    """`/status/<code>?retry_after=…&location=…&body=…&delay=<seconds>`."""
    query = exchange.request.query
    exchange.pause(float(query.get("delay", "0")))
    headers = []
    if "retry_after" in query:
        headers.append(("Retry-After", query["retry_after"]))
    if "location" in query:
        headers.append(("Location", query["location"]))
    code = int(exchange.request.path.split("/")[2])
    exchange.respond(code, query.get("body", "ok").encode(), tuple(headers))


def then(exchange: Exchange) -> None:
    """`/then/500/503/200`: one after the other for each event id, the last for ever."""
    codes = exchange.request.path.split("/")[2:]
    nth = exchange.receiver.times_seen(exchange.request)
    exchange.respond(int(codes[min(nth, len(codes)) - 1]))


def huge_body(exchange: Exchange) -> None:
    exchange.respond(200, b"x" * 10_000_000)


def endless_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK" + HEAD_END)
    while True:
        exchange.send(b"x" * 65536)


def endless_chunks(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + HEAD_END)
    while True:
        exchange.send(b"1\r\nx\r\n" * 10_000)


def chunked(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + HEAD_END)
    exchange.send(b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n")


def hang(exchange: Exchange) -> None:
    exchange.hang()


def drip_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        exchange.drip(b"X-Slow: yes\r\n")


def drip_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000" + HEAD_END)
    exchange.drip(b"x" * 100_000)


def continue_for_ever(exchange: Exchange) -> None:
    while True:
        exchange.send(b"HTTP/1.1 100 Continue" + HEAD_END)
        exchange.pause(DRIP_INTERVAL_S)


def continue_flood(exchange: Exchange) -> None:
    while True:
        exchange.send((b"HTTP/1.1 100 Continue" + HEAD_END) * 1000)


def early_hints(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 100 Continue" + HEAD_END)
    exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>" + HEAD_END)
    exchange.respond(200)


def bomb(exchange: Exchange) -> None:
    body = gzip.compress(bytes(50_000_000), compresslevel=1)
    exchange.respond(200, body, (("Content-Encoding", "gzip"),))


def reset(exchange: Exchange) -> None:
    exchange.reset()


def close(exchange: Exchange) -> None:
    raise Done


def reset_in_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX-A: b\r\n")
    exchange.pause(DRIP_INTERVAL_S)
    exchange.reset()


def reset_in_body(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000" + HEAD_END + b"half")
    exchange.pause(DRIP_INTERVAL_S)
    exchange.reset()


def garbage(exchange: Exchange) -> None:
    exchange.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    exchange.hang()


def header_bomb(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        exchange.send(b"X-A: b\r\n" * 1000)


def long_header(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nX-A: ")
    while True:
        exchange.send(b"x" * 65536)


def never_read(exchange: Exchange) -> None:
    """Take the headers and leave the body where it is (see EARLY)."""
    exchange.receiver.closing.wait()
    raise Done


def early_answer(exchange: Exchange) -> None:
    """Refuse by the headers alone, and go on listening to nothing (see EARLY)."""
    exchange.respond(413, b"too large")
    exchange.receiver.closing.wait()
    raise Done


def close_second(exchange: Exchange) -> None:
    """Answer a connection's first request, and close without a byte at the next."""
    if exchange.request.nth_on_connection > 1:
        raise Done
    exchange.respond(200)


def half_second(exchange: Exchange) -> None:
    """As `close_second`, with the beginning of a response."""
    if exchange.request.nth_on_connection > 1:
        exchange.send(b"HTTP/1.1 2")
        raise Done
    exchange.respond(200)


def timeout_second(exchange: Exchange) -> None:
    """As `close_second`, with the 408 that some servers say to an idle connection."""
    exchange.respond(200 if exchange.request.nth_on_connection == 1 else 408)


def farewell(exchange: Exchange) -> None:
    """Answer, then say unasked what some servers say to an idle connection, and close."""
    exchange.respond(200)
    exchange.send(b"HTTP/1.1 408 Request Timeout\r\nConnection: close" + HEAD_END)
    raise Done


def close_after(exchange: Exchange) -> None:
    """Promise to keep the connection, and close it."""
    exchange.respond(200)
    raise Done


def raw(exchange: Exchange) -> None:
    """Send `receiver.raw_response` and close."""
    raw_kept(exchange)
    raise Done


def raw_kept(exchange: Exchange) -> None:
    exchange.send(exchange.receiver.raw_response)


_ALL: tuple[Behaviour, ...] = (
    status,
    then,
    huge_body,
    endless_body,
    endless_chunks,
    chunked,
    hang,
    drip_headers,
    drip_body,
    continue_for_ever,
    continue_flood,
    early_hints,
    bomb,
    reset,
    close,
    reset_in_head,
    reset_in_body,
    garbage,
    header_bomb,
    long_header,
    close_after,
    close_second,
    half_second,
    timeout_second,
    farewell,
    never_read,
    early_answer,
    raw,
    raw_kept,
)

BEHAVIOURS = {behaviour.__name__.replace("_", "-"): behaviour for behaviour in _ALL}
"""By the first part of the path: `/drip-headers` is `drip_headers`."""

EARLY = frozenset({never_read, early_answer})
"""These are run when the headers are in, before the body is read."""
