"""What receivers do, and what a send makes of it."""

import time
from dataclasses import dataclass

import pytest

from delivery.transport.result import ErrorClass
from tests.delivery.transport.conftest import Post
from tests.receiver import Receiver

DEADLINE_S = 0.6
SLACK_S = 2.0  # for a busy machine; far below what an unbounded send takes

AT_ONCE = SLACK_S
AT_DEADLINE = DEADLINE_S + SLACK_S
BODY_TIME = 2.0 + SLACK_S


@dataclass(frozen=True)
class Case:
    receiver: str
    target: str
    outcome: int | ErrorClass
    within_s: float
    body: str | None = None  # None: not looked at
    is_truncated: bool = False


CASES = [
    Case("says 200", "/status/200?body=fine", 200, AT_ONCE, "fine"),
    Case("says 201", "/status/201", 201, AT_ONCE, "ok"),
    Case("says 204 without a body", "/status/204", 204, AT_ONCE, ""),
    Case("redirects", "/status/301?location=http://127.0.0.1:1/", 301, AT_ONCE, "ok"),
    Case("says 400", "/status/400", 400, AT_ONCE, "ok"),
    Case("says 404", "/status/404", 404, AT_ONCE, "ok"),
    Case("says 410", "/status/410", 410, AT_ONCE, "ok"),
    Case("says 429", "/status/429?retry_after=7", 429, AT_ONCE, "ok"),
    Case("says 500", "/then/500/200", 500, AT_ONCE, "ok"),
    Case("says 503", "/status/503?retry_after=7", 503, AT_ONCE, "ok"),
    Case("sends a huge body", "/huge-body", 200, AT_ONCE, "x" * 16384, True),
    Case("sends an endless body", "/endless-body", 200, AT_ONCE, "x" * 16384, True),
    Case("sends endless chunks", "/endless-chunks", 200, AT_ONCE, None, True),
    Case("sends chunks", "/chunked", 200, AT_ONCE, "hello world"),
    Case("sends a compressed bomb", "/bomb", 200, AT_ONCE, None, True),
    Case("drips the body", "/drip-body", 200, BODY_TIME, None, True),
    Case("resets in the body", "/reset-in-body", 200, AT_ONCE, "half", True),
    Case("sends interim responses first", "/early-hints", 200, AT_ONCE, "ok"),
    Case("closes after the response", "/close-after", 200, AT_ONCE, "ok"),
    Case("never answers", "/hang", ErrorClass.TIMEOUT, AT_DEADLINE),
    Case("drips headers", "/drip-headers", ErrorClass.TIMEOUT, AT_DEADLINE),
    Case("says 100 Continue for ever", "/continue-for-ever", ErrorClass.TIMEOUT, AT_DEADLINE),
    Case("floods 100 Continue", "/continue-flood", ErrorClass.INVALID_RESPONSE, AT_ONCE),
    Case("resets", "/reset", ErrorClass.RESET, AT_ONCE),
    Case("closes without a byte", "/close", ErrorClass.RESET, AT_ONCE),
    Case("resets in the headers", "/reset-in-head", ErrorClass.RESET, AT_ONCE),
    Case("speaks something else", "/garbage", ErrorClass.INVALID_RESPONSE, AT_ONCE),
    Case("sends headers for ever", "/header-bomb", ErrorClass.INVALID_RESPONSE, AT_ONCE),
    Case("sends one endless header", "/long-header", ErrorClass.INVALID_RESPONSE, AT_ONCE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.receiver)
def test_a_receiver_that(case: Case, post: Post, receiver: Receiver) -> None:
    started = time.monotonic()
    result = post(case.target, timeout_s=DEADLINE_S)

    assert time.monotonic() - started < case.within_s
    if isinstance(case.outcome, ErrorClass):
        assert (result.status, result.error) == (None, case.outcome)
        assert result.detail
        assert result.headers == ()
        assert result.body == ""
    else:
        assert (result.status, result.error, result.detail) == (case.outcome, None, "")
        assert result.body_truncated is case.is_truncated
        assert case.body is None or result.body == case.body
    assert result.address == f"127.0.0.1:{receiver.port}"
    assert len(receiver.requests) == 1


def test_the_duration_ends_with_the_headers(post: Post) -> None:
    result = post("/drip-body")

    assert result.duration_ms < 1500  # the body took two seconds


def test_a_receiver_that_never_reads_the_body_is_cut_at_the_deadline(post_to_small: Post) -> None:
    result = post_to_small("/never-read", bytes(8_000_000), timeout_s=DEADLINE_S)

    assert result.error is ErrorClass.TIMEOUT
    assert result.duration_ms < AT_DEADLINE * 1000


def test_an_answer_that_comes_before_the_body_is_read_counts(post_to_small: Post) -> None:
    result = post_to_small("/early-answer", bytes(8_000_000))

    assert (result.status, result.body) == (413, "too large")
    assert result.duration_ms < AT_ONCE * 1000


def test_a_large_body_arrives_whole(post: Post, receiver: Receiver) -> None:
    body = bytes(range(256)) * 40_000

    assert post("/status/200", body).status == 200
    assert receiver.requests[0].body == body


def test_a_response_says_when_to_come_back(post: Post) -> None:
    date = "Sat, 21 Nov 2026 11:22:33 GMT"

    assert ("Retry-After", "7") in post("/status/503?retry_after=7").headers
    assert ("Retry-After", date) in post(
        f"/status/429?retry_after={date.replace(' ', '+')}"
    ).headers


def test_a_redirect_is_never_followed(post: Post, receiver: Receiver) -> None:
    with Receiver() as private:
        for status in (301, 302, 303, 307, 308):
            result = post(f"/status/{status}?location={private.url()}")
            assert (result.status, result.body) == (status, "ok")
        assert private.connections == 0
    assert len(receiver.requests) == 5
