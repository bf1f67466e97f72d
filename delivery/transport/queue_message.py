"""What a queue gets of an event: the body that HTTP would carry, and its headers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from delivery.transport.signing import secret_key, sign_with_keys
from webhooks.headers import problems, tidied
from webhooks.queue_url import QueueUrl, check_headers, parse

_EVENT_ID = re.compile(r"[\x20-\x7e]{1,128}")
CONTENT_TYPE = "Content-Type"


@dataclass(frozen=True, slots=True)
class QueueDestination:
    """What stays the same for a webhook at one revision; as `request.Destination` for HTTP.

    `headers` begin with Content-Type. The representation shows no password, header or key.
    """

    url: QueueUrl
    headers: dict[str, str] = field(repr=False, compare=False)
    keys: tuple[bytes, ...] = field(repr=False)
    timeout_s: float
    user_agent: str


@dataclass(frozen=True, slots=True)
class Message:
    """One event's. `headers` are the webhook's own with the signature's."""

    event_id: str
    timestamp_s: int
    user_agent: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def prepare(
    *,
    url: str,
    headers: Sequence[tuple[str, str]],
    secrets: Sequence[str],
    timeout_s: float,
    user_agent: str,
) -> QueueDestination:
    """Check what is constant for a webhook; `url` is whole, with its password.

    Raises ValueError for a URL, a header or a secret that can not be used as it is, and
    ValidationError likewise.
    """
    if not timeout_s > 0:
        raise ValueError("the timeout is not positive")
    pairs = tidied(list(headers))
    for name, problem in problems(pairs):
        raise ValueError(f"{name}: {problem.messages[0]}")
    check_headers(url, pairs)
    types = [value for name, value in pairs if name.lower() == CONTENT_TYPE.lower()]
    others = {name: value for name, value in pairs if name.lower() != CONTENT_TYPE.lower()}
    return QueueDestination(
        url=parse(url),
        headers={CONTENT_TYPE: types[0] if types else "application/json", **others},
        keys=tuple(secret_key(secret) for secret in secrets),
        timeout_s=timeout_s,
        user_agent=user_agent,
    )


def build(
    destination: QueueDestination, *, event_id: str, timestamp_s: int, body: bytes
) -> Message:
    """One event's message, signed as a request is.

    Raises ValueError for an event id that is not 1 to 128 printable ASCII characters.
    """
    if not _EVENT_ID.fullmatch(event_id):
        raise ValueError("the event id is not 1 to 128 printable ASCII characters")
    headers = {
        **destination.headers,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
    }
    if destination.keys:
        headers["webhook-signature"] = sign_with_keys(destination.keys, event_id, timestamp_s, body)
    return Message(event_id, timestamp_s, destination.user_agent, headers, body)
