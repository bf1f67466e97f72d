"""What the tests of queues send, and with what."""

from delivery.transport.door import Door, build
from delivery.transport.queue_message import QueueDestination, prepare
from delivery.transport.result import Result

EVENT_ID = "06750c10-dcf1-45de-a0eb-d9c64372feed"
BODY = '{"eventName":"customerAdded","name":"Ünal"}'.encode()
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def queue_destination(
    url: str, headers: tuple[tuple[str, str], ...] = (), timeout_s: float = 5.0
) -> QueueDestination:
    return prepare(
        url=url, headers=headers, secrets=[SECRET], timeout_s=timeout_s, user_agent="ENS/test"
    )


def send(
    door: Door,
    url: str,
    *headers: tuple[str, str],
    body: bytes = BODY,
    timeout_s: float = 5.0,
    timestamp_s: int = 1_700_000_000,
) -> Result:
    """One event into the queue."""
    destination = queue_destination(url, headers, timeout_s)
    message = build(destination, event_id=EVENT_ID, timestamp_s=timestamp_s, body=body)
    return door.post(destination, message)


def assert_acknowledged(result: Result) -> None:
    assert result.error is None, result
    assert result.status is None
    assert result.is_acknowledged
    assert result.detail
    assert result.address is not None
