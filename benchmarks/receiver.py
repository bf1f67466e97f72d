"""The bundled receiver, a program: `python -m benchmarks.receiver PORT`.

The first part of the path says what happens to a request:

    /ok       answered at once
    /slow/500 answered after so many milliseconds
    /hang     never answered, until /control/release
    /control/count    {"requests": …, "most_at_once": … (of one path)}
    /control/times    when each webhook-id came, in seconds of the machine's monotonic clock
    /control/reset    forget counts and times
    /control/release  close the connections that hang

One asyncio protocol without streams, because it must not be what is measured.
"""

import asyncio
import json
import sys
import time
from collections import Counter

OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    b'{"status":"ok"}'
)


class Counts:
    def __init__(self) -> None:
        self.hanging: dict[asyncio.Transport, str] = {}
        self.at_once: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.most_at_once = 0
        self.times: dict[str, list[float]] = {}

    def order(self, what: str) -> object:
        if what == "reset":
            self.reset()
        if what == "release":
            for transport in list(self.hanging):
                transport.abort()
        if what == "times":
            return self.times
        return {"requests": self.requests, "most_at_once": self.most_at_once}


class Connection(asyncio.Protocol):
    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, _: Exception | None) -> None:
        path = self.counts.hanging.pop(self.transport, None)
        if path is not None:
            self.counts.at_once[path] -= 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(_header(head, b"content-length") or 0)
            if len(self.buffer) < end + 4 + length:
                return
            path = self.buffer[:end].split(b" ", 2)[1].decode()
            self.buffer = self.buffer[end + 4 + length :]
            self.handle(path, _header(head, b"webhook-id").decode())

    def handle(self, path: str, event_id: str) -> None:
        _, what, *rest = path.split("/")
        counts = self.counts
        if what == "control":
            body = json.dumps(counts.order(rest[0])).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + body)
            return
        counts.requests += 1
        if what == "ok":
            counts.times.setdefault(event_id, []).append(time.monotonic())
            self.transport.write(OK)
            return
        counts.at_once[path] += 1
        counts.most_at_once = max(counts.most_at_once, counts.at_once[path])
        if what == "slow":
            asyncio.get_running_loop().call_later(int(rest[0]) / 1000, self.answer, path)
        else:
            counts.hanging[self.transport] = path

    def answer(self, path: str) -> None:
        self.counts.at_once[path] -= 1
        if not self.transport.is_closing():
            self.transport.write(OK)


def _header(head: bytes, name: bytes) -> bytes:
    """Its value, empty when it is missing; `head` is in lower case."""
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    at += len(name) + 3
    end = head.find(b"\r\n", at)
    return head[at : end if end >= 0 else None].strip()


async def serve(port: int) -> None:
    counts = Counts()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(counts), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
