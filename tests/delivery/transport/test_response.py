"""Reading responses: strict on what decides, lenient on the rest, bounded in everything."""

import pytest

from delivery.transport.result import ErrorClass, printable
from tests.delivery.transport.conftest import Post
from tests.receiver import Receiver

LEGIBLE = {
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nok", "ok", False),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok", False),
    "a line without a colon": (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\nok", "ok", False),
    "a length that is no number": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", "ok", False),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        "ok",
        False,
    ),
    "a negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", "ok", False),
    "less than promised": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "ok", True),
    "more than promised": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", "ok", False),
    "another coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", "ok", False),
    "a broken chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n-5\r\n",
        "ok",
        True,
    ),
    "a chunk cut short": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",
        "ok",
        True,
    ),
    "a chunk that is longer than it says": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        "ok",
        True,
    ),
    "control characters": (
        b"HTTP/1.1 200 OK\r\n\r\na\x00b\x1b[31m\tc\nd",
        "a\\x00b\\x1b[31m\tc\nd",
        False,
    ),
    "another alphabet": (b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe", "\ufffd\ufffd", False),
}

ILLEGIBLE = {
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status beyond 599": b"HTTP/1.1 600 Huh\r\n\r\n",
    "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "another protocol, unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("name", LEGIBLE)
def test_the_status_decides_in_spite_of(name: str, post: Post, receiver: Receiver) -> None:
    receiver.raw_response, body, is_truncated = LEGIBLE[name]

    result = post("/raw")

    assert (result.status, result.error) == (200, None)
    assert (result.body, result.body_truncated) == (body, is_truncated)


@pytest.mark.parametrize("name", ILLEGIBLE)
def test_it_is_no_response_to_say(name: str, post: Post, receiver: Receiver) -> None:
    receiver.raw_response = ILLEGIBLE[name]

    assert post("/raw").error is ErrorClass.INVALID_RESPONSE


def test_headers_are_shown_in_bounds(post: Post, receiver: Receiver) -> None:
    many = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 300) for number in range(90))
    receiver.raw_response = b"HTTP/1.1 200 OK\r\n%bX-Long: %b\r\nRetry-After: 7\r\n\r\n" % (
        many,
        b"z" * 20_000,
    )
    headers = post("/raw").headers

    assert len(headers) < 92
    assert sum(len(name) + len(value) for name, value in headers) <= 16 * 1024
    assert headers[0] == ("X-0", "y" * 300)
    assert ("Retry-After", "7") in headers


def test_at_most_a_hundred_headers_are_shown(post: Post, receiver: Receiver) -> None:
    receiver.raw_response = b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n"

    assert len(post("/raw").headers) == 100


def test_headers_are_shown_printable(post: Post, receiver: Receiver) -> None:
    receiver.raw_response = (
        b"HTTP/1.1 200 OK\r\nX-Nul: a\x00b\r\nX-Folded: one\r\n  two\r\nX-Latin: \xe9\r\n\r\n"
    )

    assert post("/raw").headers == (
        ("X-Nul", "a\\x00b"),
        ("X-Folded", "one two"),
        ("X-Latin", "é"),
    )


def test_text_that_postgresql_or_a_terminal_would_choke_on_is_escaped() -> None:
    assert printable("a\x00\x7f\x9b\u202e\ud800z") == "a\\x00\\x7f\\x9b\\u202e\\ud800z"
    assert printable("plain text, é, 漢字\n\t") == "plain text, é, 漢字\n\t"
