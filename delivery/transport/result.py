"""The outcome of one send, the same value whatever carried it."""

import enum
import re
from dataclasses import dataclass

MAX_DETAIL_CHARS = 300

# C0 without tab and line feed, DEL, C1, and the marks that reverse the direction of a line.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ErrorClass(enum.StrEnum):
    """Why there is no status.

    The last five are what queues answer, which have no numbers of their own.
    """

    TIMEOUT = "timeout"
    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    TLS = "tls"
    FORBIDDEN_ADDRESS = "forbidden_address"
    INVALID_RESPONSE = "invalid_response"
    UNREACHABLE = "unreachable"
    AUTH_REFUSED = "auth_refused"
    NOT_FOUND = "not_found"
    REJECTED = "rejected"
    UNROUTABLE = "unroutable"
    UNAVAILABLE = "unavailable"


# A queue's answers that say what a 4xx says: the same message, sent again, is refused again.
REFUSALS = frozenset({ErrorClass.AUTH_REFUSED, ErrorClass.NOT_FOUND, ErrorClass.REJECTED})
# What only a queue that was reached says, though there is no status: "no response" it is not.
ANSWERS = REFUSALS | {ErrorClass.UNROUTABLE, ErrorClass.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Result:
    """How one send ended; it never holds a secret, a request header or a query string.

    `status` is None when no response came, and when the receiver is a queue. `error` is None
    when there is a status, or when a queue acknowledged the message; never otherwise.
    `detail` is one line for people, at most 300 characters, empty when there is a status; of an
    acknowledgement it is what the queue told of the message.
    `headers` are the response's, at most 100 and 16 KiB of them.
    `body` is the head of the response's body, at most 16,384 characters, decoded as UTF-8, its
    control characters escaped; `body_truncated` says that there was more, or may have been.
    `address` is the peer that was connected to, as `ip:port` or `[ipv6]:port`; None if none was.
    `duration_ms` runs from the start to the end of the response's headers, or to the failure.
    """

    status: int | None
    error: ErrorClass | None
    detail: str
    headers: tuple[tuple[str, str], ...]
    body: str
    body_truncated: bool
    address: str | None
    duration_ms: float

    @property
    def is_acknowledged(self) -> bool:
        """By a queue, which has the message now."""
        return self.status is None and self.error is None


class SendError(Exception):
    """No response came: the error class, a line for people, and the peer if one was connected."""

    def __init__(self, error: ErrorClass, detail: str, address: str | None = None) -> None:
        super().__init__(detail)
        self.error = error
        self.detail = printable(detail)[:MAX_DETAIL_CHARS]
        self.address = address


def printable(text: str) -> str:
    """The text with control characters, NUL among them, as `\\x..`; PostgreSQL can store it."""
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
