"""Redis makes it fast and keeps nothing: without it events are taken and delivered all the same."""

from collections.abc import Callable

import pytest

from delivery.models import Delivery, State
from tests.factories import CredentialFactory, WebhookFactory
from tests.proof.api import Api
from tests.proof.deadline import Deadline
from tests.proof.stage import RemoteReceiver, Stage

SOON_S = 0.5
LIMIT = 3


def no_server(stage: Stage) -> Callable[[], None]:
    stage.redis.kill()
    return stage.redis.start


def a_hung_server(stage: Stage) -> Callable[[], None]:
    stage.redis.suspend()
    return stage.redis.resume


def subscribe(stage: Stage) -> tuple[RemoteReceiver, Api]:
    credential = CredentialFactory()
    receiver = stage.receiver()
    WebhookFactory(
        organization=credential.organization,
        url=receiver.url("/status/200?delay=0.01"),
        max_connections=LIMIT,
        events=["customerAdded"],
    )
    return receiver, Api(stage.start_web(), credential.code, credential.plain_password)


def publish(api: Api, count: int) -> list[float]:
    """How many seconds each took to be accepted, the fastest first."""
    answers = [
        api.post("/v3/events", {"eventName": "customerAdded", "data": {}}) for _ in range(count)
    ]
    assert {answer.status for answer in answers} == {202}
    return sorted(answer.duration_s for answer in answers)


def wait_for_delivered(count: int) -> None:
    delivered = Delivery.objects.filter(state=State.DELIVERED)
    Deadline(40).wait_for(lambda: delivered.count() == count, f"{count} are delivered")


@pytest.mark.parametrize("take_away", [no_server, a_hung_server])
def test_events_are_taken_and_delivered_without_redis(
    stage: Stage, take_away: Callable[[Stage], Callable[[], None]]
) -> None:
    receiver, api = subscribe(stage)
    stage.start_worker()
    publish(api, 10)
    wait_for_delivered(10)

    bring_back = take_away(stage)
    durations_s = publish(api, 40)
    assert durations_s[-4] < SOON_S  # a busy machine may hold up some, Redis would hold up all
    assert durations_s[-1] < 5
    wait_for_delivered(50)

    bring_back()
    publish(api, 10)
    wait_for_delivered(60)
    assert receiver.peak() <= LIMIT
    assert receiver.total == len(receiver.copies) == 60


@pytest.mark.parametrize("take_away", [no_server, a_hung_server])
def test_a_worker_that_starts_without_redis_delivers(
    stage: Stage, take_away: Callable[[Stage], Callable[[], None]]
) -> None:
    receiver, api = subscribe(stage)
    take_away(stage)
    publish(api, 10)
    stage.start_worker()
    wait_for_delivered(10)
    assert receiver.total == 10
