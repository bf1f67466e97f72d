"""Against a server that checks the signature as SQS does."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from delivery.transport.door import Door
from delivery.transport.queue_sqs import authorization
from delivery.transport.result import ErrorClass
from tests.delivery.transport.queues import BODY, EVENT_ID, SECRET, assert_acknowledged, send
from tests.sqs import Sqs
from webhooks.queue_url import SQS_HEADERS


@pytest.fixture
def queue() -> Iterator[Sqs]:
    with Sqs() as queue:
        yield queue


@pytest.fixture
def door(queue_door: Door) -> Door:
    return queue_door


def test_requests_are_signed_as_in_the_test_suite_of_aws() -> None:
    """`post-vanilla` of the suite for Signature Version 4."""
    signed = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
    header = authorization(
        signed,
        b"",
        key="AKIDEXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="service",
    )
    assert header == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        " SignedHeaders=host;x-amz-date,"
        " Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )


def test_the_queue_has_the_very_body_and_the_headers_as_attributes(door: Door, queue: Sqs) -> None:
    own = [(f"X-{number}", "a") for number in range(SQS_HEADERS)]
    result = send(door, queue.url(), *own, timestamp_s=int(time.time()))
    assert_acknowledged(result)
    assert result.detail.startswith("message ")
    (message,) = queue.messages
    attributes = {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }
    assert message["QueueUrl"] == f"http://127.0.0.1:{queue.port}/1/orders"
    assert len(attributes) == SQS_HEADERS + 4
    assert attributes["Content-Type"] == "application/json"
    body = message["MessageBody"].encode()
    assert body == BODY
    assert Verifier(SECRET).verify(body, attributes) == json.loads(BODY)


def test_a_connection_is_kept(door: Door, queue: Sqs) -> None:
    for _ in range(3):
        assert_acknowledged(send(door, queue.url()))
    assert len(queue.connections) == 1


def test_a_fifo_queue_gets_a_group_and_the_event_as_what_is_not_to_come_twice(
    door: Door, queue: Sqs
) -> None:
    assert_acknowledged(send(door, queue.url("orders.fifo")))
    assert_acknowledged(send(door, queue.url("orders.fifo") + "&group=till-1"))
    first, second = queue.messages
    assert (first["MessageGroupId"], second["MessageGroupId"]) == ("ens", "till-1")
    assert first["MessageDeduplicationId"] == second["MessageDeduplicationId"] == EVENT_ID


def test_credentials_come_from_the_url_alone(
    door: Door, queue: Sqs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert_acknowledged(send(door, queue.url()))


def test_wrong_credentials_are_refused(door: Door, queue: Sqs) -> None:
    for url in (queue.url(key="OTHER"), queue.url(secret="hunter2")):
        result = send(door, url)
        assert result.error is ErrorClass.AUTH_REFUSED
        assert "hunter2" not in repr(result)
    assert queue.messages == []


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [
        (400, "QueueDoesNotExist", ErrorClass.NOT_FOUND),
        (400, "AccessDenied", ErrorClass.AUTH_REFUSED),
        (400, "InvalidMessageContents", ErrorClass.REJECTED),
        (400, "RequestThrottled", ErrorClass.UNAVAILABLE),
        (400, "RequestExpired", ErrorClass.UNAVAILABLE),
        (403, "Whatever", ErrorClass.AUTH_REFUSED),
        (404, "", ErrorClass.NOT_FOUND),
        (429, "", ErrorClass.UNAVAILABLE),
        (500, "InternalFailure", ErrorClass.UNAVAILABLE),
        (503, "", ErrorClass.UNAVAILABLE),
        (302, "", ErrorClass.UNAVAILABLE),
        (204, "", ErrorClass.UNAVAILABLE),
    ],
)
def test_errors_are_told_apart(
    door: Door, queue: Sqs, status: int, name: str, error: ErrorClass
) -> None:
    queue.fails = status, name
    result = send(door, queue.url())
    assert (result.error, result.status) == (error, None)
    assert name in result.detail


def test_a_queue_that_is_not_there_and_a_message_that_is_too_large(door: Door, queue: Sqs) -> None:
    assert send(door, queue.url("nothing")).error is ErrorClass.NOT_FOUND
    assert send(door, queue.url(), body=b"x" * 300_000).error is ErrorClass.REJECTED


def test_an_answer_for_another_message_is_no_acknowledgement(door: Door, queue: Sqs) -> None:
    queue.lies = True
    assert send(door, queue.url()).error is ErrorClass.INVALID_RESPONSE
