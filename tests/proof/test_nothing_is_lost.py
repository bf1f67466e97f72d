"""What was answered with 202 arrives, whatever is killed, emptied or cut meanwhile.

A worker that is killed between the response and its record sends twice; nothing else does. So
the number of copies is known beforehand: at each death it is looked which of the sent events had
not been recorded.
"""

import functools
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from django.db.models import Count

from delivery.engine.failpoints import POINTS
from delivery.models import Delivery, State
from tests.factories import CredentialFactory, WebhookFactory
from tests.proof.api import Api
from tests.proof.deadline import Deadline
from tests.proof.rows import cut_database_connections, end_leases
from tests.proof.stage import Process, RemoteReceiver, Stage

BATCH = 25
LIMIT = 20


@dataclass(frozen=True)
class Death:
    """How a worker ends: at a failpoint, or by a kill while it delivers, after a `blow`."""

    failpoint: str = ""
    blow: Callable[[Stage], None] = lambda _: None


def flush_redis(stage: Stage) -> None:
    stage.redis.client.flushall()


def cut_database(_: Stage) -> None:
    cut_database_connections()


KILL = Death()
PASSES = {"before_send": 40, "after_send": 40, "before_record": 3, "after_record": 3}
# Nothing is replayed here: tests/delivery/replay dies there.
PASSED = sorted(POINTS - {"in_replay"})
AT_FAILPOINTS = [Death(f"{point}@{PASSES.get(point, 1)}") for point in PASSED]


@dataclass
class Trial:
    """Events are published while one worker after the other dies; the receiver counts."""

    stage: Stage
    receiver: RemoteReceiver
    api: Api
    accepted: list[str] = field(default_factory=list)
    unrecorded: Counter[str] = field(default_factory=Counter)
    at_deaths: list[int] = field(default_factory=list)

    @classmethod
    def begin(cls, stage: Stage) -> "Trial":
        credential = CredentialFactory()
        receiver = stage.receiver()
        WebhookFactory(
            organization=credential.organization,
            url=receiver.url("/status/200?delay=0.02"),
            max_connections=LIMIT,
            events=["transactionAdded"],
        )
        api = Api(stage.start_web(), credential.code, credential.plain_password)
        return cls(stage, receiver, api)

    def publish(self, count: int) -> None:
        """Until they are accepted: a batch that was not is sent again with the same ids."""
        ids = [str(uuid.uuid4()) for _ in range(count)]
        for start in range(0, count, BATCH):
            batch: list[dict[str, object]] = [
                {"eventName": "transactionAdded", "eventId": event_id, "data": {"amount": 1}}
                for event_id in ids[start : start + BATCH]
            ]
            Deadline().wait_for(functools.partial(self._is_accepted, batch), "it is accepted")
        self.accepted += ids

    def _is_accepted(self, batch: list[dict[str, object]]) -> bool:
        return self.api.post("/v3/events", batch).status == HTTPStatus.ACCEPTED

    def round(self, death: Death, share: int) -> None:
        worker = self.stage.start_worker(failpoint=death.failpoint)
        before = self.receiver.total
        self.publish(share)
        if death.failpoint:
            worker.wait_until_killed(f"the worker dies at {death.failpoint}")
        else:
            self._kill(worker, death, before, share)
        self._take_stock()
        end_leases(self.stage.redis.client)

    def _kill(self, worker: Process, death: Death, before: int, share: int) -> None:
        begun, well_on = before + share // 4, before + share // 2
        Deadline(60).wait_for(lambda: self.receiver.total > begun, "deliveries begin")
        death.blow(self.stage)
        Deadline(60).wait_for(lambda: self.receiver.total > well_on, "deliveries go on")
        worker.kill()

    def _take_stock(self) -> None:
        """Which events the dead worker has sent without a record: these will come again."""
        self.receiver.wait_until_left()
        copies = self.receiver.copies
        in_flight = Delivery.objects.filter(state=State.IN_FLIGHT)
        rows = in_flight.annotate(recorded=Count("attempt_log"))
        sent = [
            event_id
            for event_id, recorded in rows.values_list("event__event_id", "recorded")
            if copies.get(event_id, 0) > recorded + self.unrecorded[event_id]
        ]
        self.unrecorded.update(sent)
        self.at_deaths.append(len(sent))

    def finish(self) -> None:
        self.stage.start_worker()
        open_rows = Delivery.objects.exclude(state__in=[State.DELIVERED, State.QUARANTINED])
        Deadline(60).wait_for(lambda: not open_rows.exists(), "the last worker delivers the rest")


def endure(trial: Trial, deaths: Sequence[Death], events: int) -> None:
    share = -(-events // len(deaths))
    for death in deaths:
        trial.round(death, min(share, events - len(trial.accepted)))
    trial.finish()


def check(trial: Trial, record_property: Callable[[str, object], None]) -> None:
    copies = trial.receiver.copies
    states = Counter(Delivery.objects.values_list("state", flat=True))
    duplicates = sum(copies.values()) - len(copies)
    record_property("duplicates", duplicates)
    record_property("unrecorded at each death", trial.at_deaths)
    sys.stdout.write(f"{duplicates} duplicates; unrecorded at each death: {trial.at_deaths}\n")
    assert set(copies) == set(trial.accepted)
    unexplained = {
        event_id: times
        for event_id, times in copies.items()
        if times > 1 + trial.unrecorded[event_id]
    }
    assert not unexplained
    assert duplicates <= sum(trial.at_deaths)
    assert states == {State.DELIVERED: len(trial.accepted)}


def test_2_000_events_survive_kills_a_flush_a_cut_and_every_failpoint(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    trial = Trial.begin(stage)
    deaths = [
        *(KILL, KILL, Death(blow=flush_redis), KILL, KILL, Death(blow=cut_database)),
        *AT_FAILPOINTS,
    ]
    endure(trial, deaths, 2_000)
    check(trial, record_property)


def test_events_are_taken_at_once_when_the_database_is_back(stage: Stage) -> None:
    credential = CredentialFactory()
    api = Api(stage.start_web(), credential.code, credential.plain_password)

    def publish(_: object) -> int:
        return api.post("/v3/events", {"eventName": "transactionAdded", "data": {}}).status

    with ThreadPoolExecutor(8) as producers:  # so that every thread of the web has a connection
        assert set(producers.map(publish, range(64))) == {HTTPStatus.ACCEPTED}
    cut_database_connections()
    assert {publish(None) for _ in range(32)} == {HTTPStatus.ACCEPTED}


@pytest.mark.both_databases
def test_nothing_is_lost_on_a_small_installation(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    trial = Trial.begin(stage)
    endure(trial, [KILL, Death("after_send@20"), Death("before_record@2")], 300)
    check(trial, record_property)
