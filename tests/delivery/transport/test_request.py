"""What goes over the wire, and what is refused before it could."""

import pytest

from delivery.transport.http import Door
from delivery.transport.request import build, masked_headers
from tests.delivery.transport.conftest import BODY, EVENT_ID, Post, destination_for
from tests.receiver import Receiver
from webhooks.signing_secrets import new_signing_secret


def test_a_request_carries_the_documented_headers(door: Door, receiver: Receiver) -> None:
    destination = destination_for(
        receiver.url("/status/200?a=b%20c"),
        headers=[("X-Key", "k1")],
        secrets=[new_signing_secret()],
    )
    request = build(destination, event_id=EVENT_ID, timestamp_s=1_700_000_000, body=BODY)
    door.post(destination, request)

    (received,) = receiver.wait_for(1)
    assert (received.method, received.target) == ("POST", "/status/200?a=b%20c")
    assert received.body == BODY
    signature = received.headers.pop("webhook-signature")
    assert signature.startswith("v1,")
    assert received.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "ENS/test",
        "content-type": "application/json",
        "x-key": "k1",
        "accept-encoding": "identity",
        "content-length": str(len(BODY)),
        "webhook-id": EVENT_ID,
        "webhook-timestamp": "1700000000",
    }
    assert len(received.raw_headers) == 9  # each of them once


def test_put_is_put(post: Post, receiver: Receiver) -> None:
    post("/status/200", method="PUT")

    assert receiver.requests[0].method == "PUT"


def test_the_webhooks_own_headers_win_but_for_the_encoding(post: Post, receiver: Receiver) -> None:
    own = [
        ("content-type", "application/cloudevents+json"),
        ("User-Agent", "Shop"),
        ("Accept-Encoding", "gzip"),
    ]
    post("/status/200", headers=own)

    headers = receiver.requests[0].headers
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["user-agent"] == "Shop"
    assert headers["accept-encoding"] == "identity"
    assert len(receiver.requests[0].raw_headers) == 7


def test_a_repeated_header_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^x-twice: The header is repeated"):
        destination_for("https://shop.example/", headers=[("X-Twice", "a"), ("x-twice", "b")])


def test_without_a_secret_a_request_is_not_signed(post: Post, receiver: Receiver) -> None:
    post("/status/200")

    assert "webhook-signature" not in receiver.requests[0].headers
    assert receiver.requests[0].headers["webhook-id"] == EVENT_ID


def test_a_url_is_sent_as_it_was_normalised(post: Post, receiver: Receiver) -> None:
    post("/status/200?q=ü#fragment")

    assert receiver.requests[0].target == "/status/200?q=%C3%BC"


def test_one_destination_makes_many_requests() -> None:
    destination = destination_for("https://shop.example/hook", headers=[("X-Key", "k1")])
    first = build(destination, event_id="first", timestamp_s=1, body=b"{}")
    second = build(destination, event_id="second", timestamp_s=2, body=b"[1]")

    assert (first.headers["webhook-id"], first.headers["Content-Length"]) == ("first", "2")
    assert (second.headers["webhook-id"], second.headers["Content-Length"]) == ("second", "3")
    assert "webhook-id" not in destination.template.headers


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "shop.example",
        "http://",
        "http://user:pass@shop.example/",
        "http://shop.example/\r\nX: y",
        "http://shop.example/\x00",
        "http://a..b/",
        "http://.shop.example/",
        "http://[::1%25eth0]/",
        "http://[::1/",
        "http://shop.example:99999/",
        f"http://{'a.' * 200}example/",
    ],
)
def test_a_url_is_refused_such_as(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        destination_for(url)
    assert "pass" not in str(refused.value).replace("password", "")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "é", "漢", "a\x7f"])
def test_a_header_value_is_refused_such_as(value: str) -> None:
    with pytest.raises(ValueError, match=r"^X-Key: A header.s value") as refused:
        destination_for("https://shop.example/", headers=[("X-Key", value)])
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        *("", "X Key", "X:Key", "X\r\nKey", "Clé"),
        *("Host", "content-length", "Transfer-Encoding", "Connection", "Keep-Alive"),
        *("TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization"),
        *("webhook-id", "Webhook-Signature"),
    ],
)
def test_a_header_name_is_refused_such_as(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        destination_for("https://shop.example/", headers=[(name, "x")])


@pytest.mark.parametrize(
    "option",
    [
        {"method": "GET"},
        {"method": "POST / HTTP/1.1\r\n"},
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"user_agent": "ENS\r\nX: y"},
        {"secrets": ["nothing"]},
    ],
)
def test_a_destination_is_refused_with(option: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        destination_for("https://shop.example/", **option)


@pytest.mark.parametrize("event_id", ["", "a\r\nX: y", "é", "x" * 129])
def test_an_event_id_is_refused_such_as(event_id: str) -> None:
    with pytest.raises(ValueError, match="event id"):
        build(destination_for("https://shop.example/"), event_id=event_id, timestamp_s=1, body=b"")


def test_the_log_shows_no_credential() -> None:
    own = [("Authorization", "Bearer 0123456789"), ("X-Key", "short123"), ("Accept", "text/plain")]
    destination = destination_for(
        "https://shop.example/", headers=own, secrets=[new_signing_secret()]
    )
    request = build(destination, event_id=EVENT_ID, timestamp_s=1, body=b"{}")
    masked = dict(masked_headers(request.headers))

    assert masked["Authorization"] == "Bear••••"
    assert masked["X-Key"] == "••••"
    assert masked["Accept"] == "text/plain"
    assert masked["User-Agent"] == "ENS/test"
    assert masked["webhook-id"] == EVENT_ID
    assert masked["webhook-signature"] == request.headers["webhook-signature"]


def test_a_destination_shows_no_credential() -> None:
    secret = new_signing_secret()
    destination = destination_for(
        "https://shop.example/?token=abc", headers=[("X-Key", "k1-secret")], secrets=[secret]
    )

    assert repr(destination) == "Destination(https://shop.example)"
