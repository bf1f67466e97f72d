"""What goes over the wire: a webhook's request, prepared once, and each event's copy of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from delivery.transport.origin import Origin, split_url
from delivery.transport.signing import secret_key, sign_with_keys
from webhooks.headers import masked, problems, tidied

METHODS = frozenset({"POST", "PUT"})

_VALUE = re.compile(r"[\t\x20-\x7e]*")
_EVENT_ID = re.compile(r"[\x20-\x7e]{1,128}")

_OURS = frozenset(
    {
        *("content-length", "host", "webhook-id", "webhook-signature", "webhook-timestamp"),
        "webhook-enrichment",
    }
)


@dataclass(frozen=True, slots=True)
class Destination:
    """What stays the same for a webhook at one revision: make it once, keep it, share it.

    `keys` are the signing keys, taken out of their secrets; none means unsigned. The
    representation shows no header and no key.
    """

    origin: Origin
    template: PreparedRequest
    keys: tuple[bytes, ...]
    timeout_s: float

    def __repr__(self) -> str:
        return f"Destination({self.origin.scheme}://{self.origin.authority})"


class Request(PreparedRequest):
    """A prepared request that remembers where its URL points."""

    origin: Origin


def prepare(
    *,
    url: str,
    method: str,
    headers: Sequence[tuple[str, str]],
    secrets: Sequence[str],
    timeout_s: float,
    user_agent: str,
) -> Destination:
    """Check and normalise what is constant for a webhook.

    The webhook's own headers win over our Content-Type and User-Agent; Accept-Encoding is always
    `identity`, since a body is shown as it came and never inflated. Raises ValueError for a URL,
    method, header or secret that can not be sent as it is.
    """
    if method not in METHODS:
        raise ValueError("the method is neither POST nor PUT")
    if not timeout_s > 0:
        raise ValueError("the timeout is not positive")
    normalised, origin = split_url(url)
    template = PreparedRequest()
    template.prepare(
        method=method, url=normalised, headers=_constant_headers(headers, user_agent, origin)
    )
    del template.headers["Content-Length"]  # of the empty body; each event has its own
    return Destination(
        origin=origin,
        template=template,
        keys=tuple(secret_key(secret) for secret in secrets),
        timeout_s=timeout_s,
    )


def _constant_headers(
    headers: Sequence[tuple[str, str]], user_agent: str, origin: Origin
) -> CaseInsensitiveDict[str]:
    constant: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    constant["Host"] = origin.authority
    constant["User-Agent"] = user_agent
    constant["Content-Type"] = "application/json"
    pairs = tidied(list(headers))
    for name, problem in problems(pairs):
        raise ValueError(f"{name}: {problem.messages[0]}")
    constant.update(pairs)
    constant["Accept-Encoding"] = "identity"
    if not _VALUE.fullmatch(constant["User-Agent"]):
        raise ValueError("the user agent contains a character that a header can not hold")
    return constant


def build(destination: Destination, *, event_id: str, timestamp_s: int, body: bytes) -> Request:
    """One event's request: the destination's, with the body, its length and its signature.

    Raises ValueError for an event id that is not 1 to 128 printable ASCII characters.
    """
    if not _EVENT_ID.fullmatch(event_id):
        raise ValueError("the event id is not 1 to 128 printable ASCII characters")
    template = destination.template
    headers = template.headers.copy()
    headers["Content-Length"] = str(len(body))
    headers["webhook-id"] = event_id
    headers["webhook-timestamp"] = str(timestamp_s)
    if destination.keys:
        headers["webhook-signature"] = sign_with_keys(destination.keys, event_id, timestamp_s, body)
    request = Request()
    request.method = template.method
    request.url = template.url
    request.headers = headers
    request.body = body
    request.origin = destination.origin
    return request


def masked_headers(request_headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers for the attempt log: what may be a credential is cut to its first characters.

    Known harmless headers and the signature's own are shown whole.
    """
    return [
        (name, value if name.lower() in _OURS else masked(name, value))
        for name, value in request_headers.items()
    ]
