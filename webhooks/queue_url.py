"""The URL of a queue: where a webhook of type `queue` puts its events.

    amqp://[user[:password]@]host[:port]/[vhost/]exchange[?routing_key=…]     amqps: with TLS
    redis://[[user]:password@]host[:port]/[database/]stream[?maxlen=…]        rediss: with TLS
    sqs://access-key:secret-key@host[:port]/account/queue[?region=…][&group=…][&tls=off]

- amqp: RabbitMQ. Without a vhost it is `/`; without an exchange (`amqp://host/?routing_key=orders`)
  the default one, which leads to the queue that the routing key names. Without a user `guest`.
- redis: XADD to the stream, in database 0 unless one is named; `maxlen` keeps the stream to about
  so many entries.
- sqs: host and path of the queue's own URL. The region is read from the host
  (`sqs.eu-west-1.amazonaws.com`) unless it is given. `group` is the message group of a FIFO queue,
  `ens` unless it is given. `tls=off` is for servers of one's own that speak HTTP alone.

In user, password, names and parameters, what has a meaning in a URL is percent-encoded: a slash in
a password or in the name of a vhost is `%2F`, an at sign `%40`. A host is a name or an address in
ASCII.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from django.core.exceptions import ValidationError

from webhooks.headers import MASK, Headers
from webhooks.queue_password import PORTS, URL, parts

FAMILIES = {"amqps": "amqp", "rediss": "redis"}
SECURE = frozenset({"amqps", "rediss", "sqs"})

MAX_URL = 2_000
MAX_NAME_BYTES = 255  # of an exchange, a vhost, a routing key: AMQP's short string
MAX_STREAM_BYTES = 512
MAX_DATABASE = 9_999
MAX_LENGTH = 10**9
# A message to SQS has ten attributes at most, and five are ours: the signature's three,
# Content-Type, and the one that tells of an enrichment that failed.
SQS_HEADERS = 5
SQS_REGION = re.compile(r"[a-z0-9-]{1,50}")
SQS_GROUP = re.compile(r"[!-~]{1,128}")

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\#]|[\ud800-\udfff]")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_SQS_PATH = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SQS_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_AWS_HOST = re.compile(
    r"(?:sqs|sqs-fips)\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)"
    r"|([a-z0-9-]+)\.queue\.amazonaws\.com(?:\.cn)?"
)


@dataclass(frozen=True, slots=True)
class QueueUrl:
    """A URL taken apart, decoded. Its representation shows no password.

    `place` is the vhost, the number of the database, or the path of an SQS queue; `name` the
    exchange, the stream, or the queue. `options` are the parameters that were given.
    """

    scheme: str
    host: str
    port: int
    place: str
    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def family(self) -> str:
        """`amqp`, `redis` or `sqs`."""
        return FAMILIES.get(self.scheme, self.scheme)

    @property
    def is_secure(self) -> bool:
        return self.scheme in SECURE and self.options.get("tls") != "off"

    @property
    def region(self) -> str:
        """Of an SQS queue; "" when neither the URL nor its host tells it."""
        if given := self.options.get("region"):
            return given
        match = _AWS_HOST.fullmatch(self.host)
        return (match[1] or match[2]) if match else ""


def parse(url: str) -> QueueUrl:
    """Raises ValidationError; its messages hold nothing of the URL but names of parameters."""
    match = URL.fullmatch(url)
    if match is None or match[1].lower() not in PORTS:
        raise _broken(f"A queue's URL begins with one of: {', '.join(f'{s}://' for s in PORTS)}.")
    found = parts(url)
    assert found is not None  # noqa: S101  the same pattern
    if MASK in unquote(found.password):
        raise ValidationError(
            "The mask stands for no stored password of this user and host; give the password.",
            "url_mask_unmatched",
        )
    if len(url) > MAX_URL:
        raise _broken(f"A URL has at most {MAX_URL} characters.")
    if _UNSAFE.search(url) or _PERCENT.search(url):
        raise _broken("Percent-encode spaces, backslashes and number signs, and a percent as %25.")
    if "@" in found.rest or "@" in (found.user_info or ""):
        raise _broken("Percent-encode an at sign as %40, and a slash in a password as %2F.")
    scheme = match[1].lower()
    host, port = _host_and_port(found.host, PORTS[scheme])
    segments = [_decoded(segment) for segment in match[3].split("/")[1:]]
    place, name = _PATHS[FAMILIES.get(scheme, scheme)](segments)
    options = _options(match[4] or "", scheme)
    user, password = _decoded(found.user), _decoded(found.password)
    result = QueueUrl(scheme, host, port, place, name, user, password, options)
    _check(result)
    return result


def check_headers(url: str, headers: Headers) -> None:
    """Raises ValidationError for headers that a message to this queue can not carry."""
    if not url.lower().startswith("sqs://"):
        return
    own = [(name, value) for name, value in headers if name.lower() != "content-type"]
    if len(own) > SQS_HEADERS:
        message = f"A message to SQS carries at most {SQS_HEADERS} headers beside Content-Type."
        raise ValidationError(message, "queue_headers_invalid")
    for name, value in own:
        lower = name.lower()
        if not _SQS_NAME.fullmatch(name) or lower.startswith(("aws.", "amazon.")) or not value:
            message = "An attribute of SQS has a name of letters, digits, _, - and ., and a value."
            raise ValidationError(message, "queue_headers_invalid")


def _broken(message: str) -> ValidationError:
    return ValidationError(message, "queue_url_invalid")


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?", text)
    if match is None:
        raise _broken("The port is a number from 1 to 65535.")
    if not _HOST.fullmatch(match[1]):
        raise _broken("The host is a name or an address, in ASCII.")
    host = match[1].strip("[]").lower()
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(0 < len(label) < 64 for label in labels):
        raise _broken("The host has an empty or an overlong label.")
    port = int(match[2] or default)
    if not 0 < port < 65_536:
        raise _broken("The port is a number from 1 to 65535.")
    return host, port


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _broken("What is percent-encoded is not UTF-8.") from None
    if _UNPRINTABLE.search(decoded):
        raise _broken("No control characters, percent-encoded ones neither.")
    return decoded


def _options(query: str, scheme: str) -> dict[str, str]:
    options: dict[str, str] = {}
    known = OPTIONS[scheme]
    for pair in query.split("&") if query else []:
        name, _, value = pair.partition("=")
        if name not in known:
            named = ", ".join(known)
            raise _broken(f"The parameters of such a URL are: {named}.")
        if name in options:
            raise _broken(f"{name} is repeated.")
        # Not `unquote_plus`: a plus in a routing key is a plus.
        options[name] = _decoded(value)
    return options


def _amqp_path(segments: list[str]) -> tuple[str, str]:
    match segments:
        case [] | [""]:
            return "/", ""
        case [exchange]:
            return "/", exchange
        case [vhost, exchange] if vhost:
            return vhost, exchange
    raise _broken("After the host comes /exchange or /vhost/exchange.")


def _redis_path(segments: list[str]) -> tuple[str, str]:
    match segments:
        case [stream] if stream:
            return "0", stream
        case [database, stream] if stream and re.fullmatch("[0-9]{1,4}", database):
            return str(int(database)), stream
    raise _broken("After the host comes /stream or /database/stream, the database a number.")


def _sqs_path(segments: list[str]) -> tuple[str, str]:
    if not 0 < len(segments) <= 3 or not all(_SQS_PATH.fullmatch(part) for part in segments):
        raise _broken("After the host comes /account/queue, as in the queue's own URL.")
    if all(part in (".", "..") for part in segments) or {".", ".."} & set(segments):
        raise _broken("After the host comes /account/queue, as in the queue's own URL.")
    return "/" + "/".join(segments), segments[-1]


_PATHS: Mapping[str, Callable[[list[str]], tuple[str, str]]] = {
    "amqp": _amqp_path,
    "redis": _redis_path,
    "sqs": _sqs_path,
}
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "amqp": ("routing_key",),
    "amqps": ("routing_key",),
    "redis": ("maxlen",),
    "rediss": ("maxlen",),
    "sqs": ("region", "group", "tls"),
}


def _check(url: QueueUrl) -> None:
    _CHECKS[url.family](url)


def _check_amqp(url: QueueUrl) -> None:
    key = url.options.get("routing_key", "")
    if not url.name and not key:
        raise _broken("Name an exchange, or the queue as routing_key.")
    if any(len(text.encode()) > MAX_NAME_BYTES for text in (url.place, url.name, key)):
        raise _broken(f"Vhost, exchange and routing key have at most {MAX_NAME_BYTES} bytes each.")
    if url.password and not url.user:
        raise _broken("A password needs a user.")


def _check_redis(url: QueueUrl) -> None:
    if len(url.name.encode()) > MAX_STREAM_BYTES:
        raise _broken(f"A stream's name has at most {MAX_STREAM_BYTES} bytes.")
    if url.user and not url.password:
        raise _broken("A user needs a password.")
    length = url.options.get("maxlen")
    if length is not None and not (
        re.fullmatch("[0-9]{1,10}", length) and 0 < int(length) <= MAX_LENGTH
    ):
        raise _broken(f"maxlen is a number from 1 to {MAX_LENGTH}.")


def _check_sqs(url: QueueUrl) -> None:
    if not url.user or not url.password:
        raise _broken("Give access key and secret key: sqs://access-key:secret-key@host/….")
    if not SQS_REGION.fullmatch(url.region):
        raise _broken("Give the region: ?region=eu-west-1.")
    if not url.user.isascii() or not url.password.isascii():
        raise _broken("Access key and secret key are ASCII.")
    if not SQS_GROUP.fullmatch(url.options.get("group", "ens")):
        raise _broken("A message group is 1 to 128 visible ASCII characters.")
    if url.options.get("tls", "off") != "off":
        raise _broken("TLS is used unless it says tls=off.")


_CHECKS: Mapping[str, Callable[[QueueUrl], None]] = {
    "amqp": _check_amqp,
    "redis": _check_redis,
    "sqs": _check_sqs,
}
