"""What becomes of a delivery, by what its receiver does."""

import datetime as dt
import ssl
import time
from dataclasses import dataclass
from typing import Any

import pytest
import trustme

from delivery.models import Delivery, Health, State
from ens_project import embedded
from tests.delivery.engine.conftest import Finish
from tests.factories import DeliveryFactory, WebhookFactory
from tests.receiver import Receiver

pytestmark = pytest.mark.both_databases

TIMEOUT_S = 1
SLACK_S = 3.0  # for a busy machine; far below what an unbounded request takes

AT_ONCE = SLACK_S
AT_DEADLINE = TIMEOUT_S + SLACK_S
BODY_TIME = 2.0 + SLACK_S

DELIVERED, RETRYING, FAILED = State.DELIVERED, State.RETRYING, State.FAILED
TIMEOUT, INVALID, RESET, NONE = "timeout", "invalid_response", "reset", ""
NEVER = None
SOON = (4.0, 6.0)  # the first replay, give or take a fifth
DATE = "Tue,+01+Jan+2999+00:00:00+GMT"
AT_THE_EDGE = (86_300, 86_395)  # of the day that a delivery has


@dataclass(frozen=True)
class Case:
    """`next_s` is between which seconds after the attempt the next one comes; None: never."""

    receiver: str
    target: str
    state: State
    status: int | None
    error: str
    within_s: float
    next_s: tuple[float, float] | None
    replay_on_429: bool = False


CASES = [
    # a receiver that …      at …                 makes it    status, error  within    and again in
    Case("says 200", "/status/200", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("says 201", "/status/201", DELIVERED, 201, NONE, AT_ONCE, NEVER),
    Case("says 204", "/status/204", DELIVERED, 204, NONE, AT_ONCE, NEVER),
    Case("sends a huge body", "/huge-body", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("sends an endless body", "/endless-body", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("sends endless chunks", "/endless-chunks", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("drips the body", "/drip-body", DELIVERED, 200, NONE, BODY_TIME, NEVER),
    Case("sends a compressed bomb", "/bomb", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("resets in the body", "/reset-in-body", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("closes after the answer", "/close-after", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("sends interim answers", "/early-hints", DELIVERED, 200, NONE, AT_ONCE, NEVER),
    Case("redirects", "/status/301?location=http://10.0.0.1/", RETRYING, 301, NONE, AT_ONCE, SOON),
    Case("says 400", "/status/400", FAILED, 400, NONE, AT_ONCE, NEVER),
    Case("says 404", "/status/404", FAILED, 404, NONE, AT_ONCE, NEVER),
    Case("says 408", "/status/408", FAILED, 408, NONE, AT_ONCE, NEVER),
    Case("says 410", "/status/410", FAILED, 410, NONE, AT_ONCE, NEVER),
    Case("says 429", "/status/429?retry_after=60", FAILED, 429, NONE, AT_ONCE, NEVER),
    Case(
        "says 429 to a replayer",
        "/status/429",
        RETRYING,
        429,
        NONE,
        AT_ONCE,
        SOON,
        replay_on_429=True,
    ),
    Case(
        "says 429 and when",
        "/status/429?retry_after=60",
        RETRYING,
        429,
        NONE,
        AT_ONCE,
        (58, 60),
        replay_on_429=True,
    ),
    Case(
        "says 404 to a replayer",
        "/status/404",
        FAILED,
        404,
        NONE,
        AT_ONCE,
        NEVER,
        replay_on_429=True,
    ),
    Case("says 500", "/status/500", RETRYING, 500, NONE, AT_ONCE, SOON),
    Case("says 503", "/status/503", RETRYING, 503, NONE, AT_ONCE, SOON),
    Case(
        "says 503 and when", "/status/503?retry_after=120", RETRYING, 503, NONE, AT_ONCE, (118, 120)
    ),
    Case(
        "says 503 and a date",
        f"/status/503?retry_after={DATE}",
        RETRYING,
        503,
        NONE,
        AT_ONCE,
        AT_THE_EDGE,
    ),
    Case(
        "says 503 and nonsense", "/status/503?retry_after=soon", RETRYING, 503, NONE, AT_ONCE, SOON
    ),
    Case("never answers", "/hang", RETRYING, None, TIMEOUT, AT_DEADLINE, SOON),
    Case("drips headers", "/drip-headers", RETRYING, None, TIMEOUT, AT_DEADLINE, SOON),
    Case(
        "says Continue for ever", "/continue-for-ever", RETRYING, None, TIMEOUT, AT_DEADLINE, SOON
    ),
    Case("floods with Continue", "/continue-flood", RETRYING, None, INVALID, AT_ONCE, SOON),
    Case("resets", "/reset", RETRYING, None, RESET, AT_ONCE, SOON),
    Case("closes without a word", "/close", RETRYING, None, RESET, AT_ONCE, SOON),
    Case("resets in the headers", "/reset-in-head", RETRYING, None, RESET, AT_ONCE, SOON),
    Case("speaks something else", "/garbage", RETRYING, None, INVALID, AT_ONCE, SOON),
    Case("sends headers for ever", "/header-bomb", RETRYING, None, INVALID, AT_ONCE, SOON),
    Case("sends an endless header", "/long-header", RETRYING, None, INVALID, AT_ONCE, SOON),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.receiver)
def test_a_receiver_that(case: Case, finish: Finish, receiver: Receiver) -> None:
    webhook = WebhookFactory(
        url=receiver.url(case.target), timeout_s=TIMEOUT_S, replay_on_429=case.replay_on_429
    )
    delivery = DeliveryFactory(webhook=webhook)
    began = time.monotonic()
    finish(webhook.pk)

    assert time.monotonic() - began < case.within_s
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (case.state, 1)
    attempt = delivery.attempt_log.get()
    assert (attempt.number, attempt.status, attempt.error) == (1, case.status, case.error)
    assert (delivery.last_status, delivery.last_error) == (case.status, case.error)
    assert attempt.address == f"127.0.0.1:{receiver.port}"
    assert len(receiver.requests) == 1
    if case.next_s is None:
        assert delivery.next_attempt_at is None
        assert delivery.finished_at is not None
    else:
        assert delivery.next_attempt_at is not None
        ended_at = attempt.started_at + dt.timedelta(milliseconds=attempt.duration_ms)
        wait_s = (delivery.next_attempt_at - ended_at).total_seconds()
        assert case.next_s[0] <= wait_s <= case.next_s[1] + SLACK_S


def delivered_to(url: str, finish: Finish, **webhook: Any) -> Delivery:
    delivery: Delivery = DeliveryFactory(webhook__url=url, webhook__timeout_s=TIMEOUT_S, **webhook)
    finish(delivery.webhook_id)
    delivery.refresh_from_db()
    return delivery


def make_due(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=delivery.created_at)


def test_a_receiver_that_is_gone_is_deactivated_with_a_reason(
    finish: Finish, receiver: Receiver
) -> None:
    webhook = delivered_to(receiver.url("/status/410"), finish).webhook
    webhook.refresh_from_db()
    assert webhook.deactivated_at is not None
    assert "410" in webhook.deactivation_reason
    assert webhook.revision == 2


def test_a_receiver_that_fails_twice_gets_the_event_in_the_end(
    finish: Finish, receiver: Receiver
) -> None:
    delivery = delivered_to(receiver.url("/then/500/503/200"), finish)
    for _ in range(2):
        assert delivery.state == RETRYING
        make_due(delivery)
        finish(delivery.webhook_id)
        delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DELIVERED, 3)
    log = list(delivery.attempt_log.values_list("number", "status"))
    assert log == [(1, 500), (2, 503), (3, 200)]
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1


def test_a_redirect_is_never_visited(finish: Finish, receiver: Receiver) -> None:
    with Receiver() as other:
        delivered_to(receiver.url(f"/status/302?location={other.url()}"), finish)
        assert other.connections == 0


def test_a_kept_connection_that_was_closed_is_no_attempt(
    finish: Finish, receiver: Receiver
) -> None:
    webhook = WebhookFactory(url=receiver.url("/close-second"), max_connections=1)
    for _ in range(3):
        DeliveryFactory(webhook=webhook)
        finish(webhook.pk)
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


def test_nobody_listens(finish: Finish) -> None:
    delivery = delivered_to(f"http://127.0.0.1:{embedded.free_port()}/", finish)
    assert (delivery.state, delivery.last_error) == (RETRYING, "refused")


def test_no_such_host(finish: Finish) -> None:
    delivery = delivered_to("http://no-such-host.invalid/", finish)
    assert (delivery.state, delivery.last_error) == (RETRYING, "dns")
    assert delivery.attempt_log.get().address == ""


def test_a_certificate_of_somebody_unknown(finish: Finish) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with Receiver(tls=tls) as receiver:
        delivery = delivered_to(receiver.url(), finish)
        assert receiver.requests == []
    assert (delivery.state, delivery.last_error) == (RETRYING, "tls")


@pytest.mark.parametrize("host", ["10.1.2.3", "169.254.169.254", "[::ffff:10.1.2.3]", "0x0a010203"])
def test_an_address_that_is_not_public_is_blocked_for_good(host: str, finish: Finish) -> None:
    delivery = delivered_to(f"http://{host}/", finish)
    assert (delivery.state, delivery.last_error) == (State.BLOCKED, "forbidden_address")
    assert delivery.next_attempt_at is None
    assert Health.objects.get(webhook=delivery.webhook).open_until is None
