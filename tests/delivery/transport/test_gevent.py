"""The same lines under gevent, in a process of their own since patching can not be undone."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

PATCH = "from gevent import monkey; monkey.patch_all(); "

CROWD = """
import threading
from ipaddress import ip_network

from delivery.transport.guard import Guard
from delivery.transport.http import Door
from delivery.transport.request import build, prepare
from delivery.transport.result import ErrorClass
from tests.receiver import Receiver

HANGING, HEALTHY = 200, 50
door = Door(guard=Guard(allowed_networks=(ip_network("127.0.0.0/8"),)), pool_size=8)


def post(url, outcomes):
    destination = prepare(
        url=url, method="POST", headers=(), secrets=(), timeout_s=6.0, user_agent="ENS/test"
    )
    request = build(destination, event_id="e", timestamp_s=1, body=b"{}")
    outcomes.append(door.post(destination, request))


def spawn(count, url, outcomes):
    threads = [threading.Thread(target=post, args=(url, outcomes)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


with Receiver() as receiver:
    hung, fine = [], []
    hanging = spawn(HANGING, receiver.url("/hang"), hung)
    receiver.wait_for(HANGING)
    for thread in spawn(HEALTHY, receiver.url("/status/200"), fine):
        thread.join()
    assert len(hung) == 0, "the healthy had to wait for the hanging"
    for thread in hanging:
        thread.join()

assert [result.status for result in fine] == [200] * HEALTHY
assert [result.error for result in hung] == [ErrorClass.TIMEOUT] * HANGING
assert max(result.duration_ms for result in hung) < 10_000
print("all as it should be")
"""


def run(code: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", PATCH + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_two_hundred_hanging_receivers_leave_room_for_the_healthy() -> None:
    assert "all as it should be" in run(CROWD)


QUEUES = """
import threading
from ipaddress import ip_network

from delivery.transport.door import Door, build
from delivery.transport.guard import Guard
from delivery.transport.queue_message import prepare
from delivery.transport.result import ErrorClass
from tests.delivery.transport.test_queue_hostile import AMQP, DRIPPED, REDIS, Peer, drip, hang
from tests.sqs import Sqs

AT_ONCE = 15
door = Door(guard=Guard(allowed_networks=(ip_network("127.0.0.0/8"),)), pool_size=8)


def post(url, outcomes):
    destination = prepare(url=url, headers=(), secrets=(), timeout_s=5.0, user_agent="ENS/test")
    message = build(destination, event_id="e", timestamp_s=1_700_000_000, body=b"{}")
    outcomes.append(door.post(destination, message))


def spawn(url, outcomes):
    threads = [threading.Thread(target=post, args=(url, outcomes)) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    return threads


with Peer(hang) as hanging, Peer(drip(DRIPPED[AMQP])) as dripping, Sqs() as queue:
    hung, fine = [], []
    slow = spawn(AMQP.format(dripping.port), hung) + spawn(REDIS.format(hanging.port), hung)
    for thread in spawn(queue.url(), fine):
        thread.join()
    assert len(hung) == 0, "the healthy had to wait for the hanging"
    for thread in slow:
        thread.join()

assert all(result.is_acknowledged for result in fine), fine
assert [result.error for result in hung] == [ErrorClass.TIMEOUT] * 2 * AT_ONCE
assert max(result.duration_ms for result in hung) < 10_000
print("all as it should be")
"""


def test_brokers_that_hang_leave_room_for_the_healthy() -> None:
    assert "all as it should be" in run(QUEUES)


def test_every_deadline_holds_under_gevent_too() -> None:
    files = [str(HERE / f"test_{name}.py") for name in ("receivers", "tls", "connections")]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:django", "-c", "/dev/null"]
    arguments = [*options, f"--rootdir={ROOT}", f"--confcutdir={HERE}", *files]

    assert " passed" in run(f"import pytest, sys; sys.exit(pytest.main({arguments!r}))")
