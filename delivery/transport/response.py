"""Reading an HTTP/1 response with bounds on everything that a receiver decides.

RFC 9112. What does not matter for the outcome is read leniently: the status decides, so a broken
length or a malformed header line costs the connection and not the delivery.
"""

import re
from dataclasses import dataclass

from delivery.transport.result import printable
from delivery.transport.wire import DisconnectedError, InvalidResponseError, Wire

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADER_LINES = 256
MAX_INTERIM = 1000  # informational responses before the final one

KEPT_HEADERS = 100
KEPT_HEADER_CHARS = 16 * 1024

MAX_BODY_BYTES = 64 * 1024
KEPT_BODY_BYTES = 16 * 1024
MAX_CHUNKS = 1024
MAX_LINE_BYTES = 4 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?\r?")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_START = b"HTTP/"

_SWITCHING_PROTOCOLS = 101
_FIRST_FINAL = 200
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Head:
    """Status, headers for the log, and how the body ends.

    `length` is in bytes, None when the body is chunked or ends with the connection.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int | None
    is_chunked: bool
    keeps_alive: bool


def read_head(wire: Wire, deadline: float) -> Head:
    """The final response's head; informational ones are skipped.

    Raises InvalidResponseError, TimeoutError, DisconnectedError and other OSErrors.
    """
    for _ in range(MAX_INTERIM):
        head = _parse_head(_raw_head(wire, deadline))
        if head.status >= _FIRST_FINAL:
            return head
        if head.status == _SWITCHING_PROTOCOLS:
            raise InvalidResponseError("the receiver switched protocols unasked")
    raise InvalidResponseError("too many informational responses")


def _raw_head(wire: Wire, deadline: float) -> str:
    buffer = wire.buffer
    searched = 0
    while True:
        end = _HEAD_END.search(buffer, max(0, searched - 2))
        if end is not None and end.start() <= MAX_HEAD_BYTES:
            raw = buffer[: end.start()].decode("latin-1")
            del buffer[: end.end()]
            return raw
        if not buffer.startswith(_START[: len(buffer)]):
            raise InvalidResponseError("not an HTTP response")
        searched = len(buffer)
        if searched > MAX_HEAD_BYTES:
            raise InvalidResponseError("the headers are too long")
        if not wire.receive(deadline):
            raise DisconnectedError("the receiver closed the connection without a response")


def _parse_head(raw: str) -> Head:
    first, *lines = raw.split("\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise InvalidResponseError("not a status line of HTTP/1")
    if len(lines) > MAX_HEADER_LINES:
        raise InvalidResponseError("too many headers")
    headers: list[tuple[str, str]] = []
    framing: dict[str, list[str]] = {
        "connection": [],
        "content-length": [],
        "transfer-encoding": [],
    }
    for line in lines:
        name, colon, rest = line.partition(":")
        value = rest.strip(" \t\r")
        if line[:1] in (" ", "\t") and headers:  # folded, RFC 9112, section 5.2
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
        elif colon:
            headers.append((name.rstrip(), value))
            if (values := framing.get(name.lower())) is not None:
                values.append(value.lower())
    status = int(match[2])
    is_chunked, length = _body_framing(status, framing)
    return Head(
        status=status,
        headers=_kept(headers),
        length=length,
        is_chunked=is_chunked,
        keeps_alive=(is_chunked or length is not None) and _keeps_alive(match[1] == "1", framing),
    )


def _body_framing(status: int, framing: dict[str, list[str]]) -> tuple[bool, int | None]:
    """Whether the body is chunked, and else its length; RFC 9112, section 6.3."""
    if status < _FIRST_FINAL or status in _BODILESS:
        return False, 0
    if framing["transfer-encoding"]:
        codings = ",".join(framing["transfer-encoding"])
        return codings.rpartition(",")[2].strip() == "chunked", None
    lengths = {length.strip() for length in ",".join(framing["content-length"]).split(",")}
    length = lengths.pop()
    return False, int(length) if not lengths and _LENGTH.fullmatch(length) else None


def _keeps_alive(is_1_1: bool, framing: dict[str, list[str]]) -> bool:
    if framing["transfer-encoding"] and framing["content-length"]:
        return False  # one of them is a lie
    tokens = {token.strip() for token in ",".join(framing["connection"]).split(",")}
    return "close" not in tokens and (is_1_1 or "keep-alive" in tokens)


def _kept(headers: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """As many as the log takes; one that is too long makes no room scarce for those behind it."""
    kept: list[tuple[str, str]] = []
    room = KEPT_HEADER_CHARS
    for name, value in headers:
        header = (printable(name), printable(value))
        chars = len(header[0]) + len(header[1])
        if chars <= room and len(kept) < KEPT_HEADERS:
            kept.append(header)
            room -= chars
    return tuple(kept)


class Body:
    """The first bytes of a response's body, raw: what is compressed stays so.

    `is_complete` says that all of it was read and the connection is ready for another request.
    """

    __slots__ = ("_deadline", "_wire", "data", "is_complete")

    def __init__(self, wire: Wire, head: Head, deadline: float) -> None:
        """Read until the end, the deadline, 64 KiB or an error, which is no one's concern."""
        self._wire = wire
        self._deadline = deadline
        self.data = bytearray()
        try:
            if head.is_chunked:
                self.is_complete = self._read_chunks()
            else:
                self.is_complete = self._read_plain(head.length)
        except (OSError, InvalidResponseError):
            self.is_complete = False

    def text(self) -> tuple[str, bool]:
        """What the log keeps, and whether the body had more, or may have had."""
        text = printable(self.data[:KEPT_BODY_BYTES].decode("utf-8", "replace"))
        is_cut = len(self.data) > KEPT_BODY_BYTES or len(text) > KEPT_BODY_BYTES
        return text[:KEPT_BODY_BYTES], is_cut or not self.is_complete

    def _read_plain(self, length: int | None) -> bool:
        if length is None:
            self._take(MAX_BODY_BYTES, until_end=True)
            return len(self.data) < MAX_BODY_BYTES
        self._take(min(length, MAX_BODY_BYTES))
        return len(self.data) == length

    def _take(self, count: int, *, until_end: bool = False) -> None:
        """Move bytes from the wire to the data as they come, so that a failure loses none."""
        buffer = self._wire.buffer
        goal = len(self.data) + count
        while True:
            part = buffer[: goal - len(self.data)]
            self.data += part
            del buffer[: len(part)]
            if len(self.data) == goal:
                return
            if not self._wire.receive(self._deadline):
                if until_end:
                    return
                raise DisconnectedError

    def _read_chunks(self) -> bool:
        for _ in range(MAX_CHUNKS):
            size = _CHUNK_SIZE.fullmatch(self._line())
            if size is None:
                raise InvalidResponseError
            count = int(size[1], 16)
            if count == 0:
                return self._read_trailers()
            room = MAX_BODY_BYTES - len(self.data)
            self._take(min(count, room))
            if count > room or self._line().strip():
                return False
        return False

    def _read_trailers(self) -> bool:
        return any(not self._line().strip() for _ in range(MAX_HEADER_LINES))

    def _line(self) -> bytes:
        buffer = self._wire.buffer
        while (end := buffer.find(b"\n")) < 0:
            if len(buffer) > MAX_LINE_BYTES:
                raise InvalidResponseError
            if not self._wire.receive(self._deadline):
                raise DisconnectedError
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        return line
