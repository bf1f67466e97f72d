"""Events published by a process of its own, and when they arrived."""

import contextlib
import json
import math
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks import rows
from benchmarks.place import BenchmarkError, Place, python_program, wait_until
from benchmarks.receivers import Receiver


@dataclass(frozen=True)
class Published:
    """What was accepted: by event id the moment of its POST, in monotonic seconds."""

    sent: dict[str, float]
    refused: int
    refusal: str
    seconds: float
    cpu: float


@cache
def credential() -> tuple[str, str]:
    """Code and password of a credential that may publish."""
    from organizations.creation import create_credential
    from organizations.models import Organization

    organization = Organization.objects.get(pk=rows.organization_id())
    made = create_credential(organization, f"benchmark.{uuid.uuid4().hex[:8]}", events=True)
    return made.credential.code, made.issued.password


@contextlib.contextmanager
def publishing(
    place: Place,
    port: int,
    *,
    seconds: float,
    rate: float | None,
    batch: int = 1,
    connections: int = 16,
    prefix: Sequence[str] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """A producer at work; `result` waits for what it has to tell."""
    code, password = credential()
    order = {
        "port": port,
        "code": code,
        "password": password,
        "connections": connections,
        "batch": batch,
        "seconds": seconds,
        "rate": rate,
    }
    argv = [*prefix, *python_program("benchmarks.publisher")]
    with place.process(
        argv, name="publisher", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        yield process


def result(process: subprocess.Popen[bytes]) -> Published:
    assert process.stdout is not None
    return Published(**json.loads(process.stdout.read()))


def publish(place: Place, port: int, *, seconds: float, rate: float | None, **more: object):
    """Publish at this rate for so long. Raises BenchmarkError when anything was refused."""
    with publishing(place, port, seconds=seconds, rate=rate, **more) as process:
        published = result(process)
        if published.refused:
            raise BenchmarkError(f"{published.refused} requests refused: {published.refusal}")
        return published


def delays_ms(receiver: Receiver, published: Published, *, timeout_s: float = 60) -> list[float]:
    """From each POST to the receipt, sorted. Raises BenchmarkError unless each came once."""
    wait_until(
        lambda: receiver.control("count")["requests"] >= len(published.sent),
        "every event arrived",
        timeout_s,
        0.1,
    )
    times = receiver.control("times")
    doubled = sum(1 for event_id in published.sent if len(times.get(event_id, ())) != 1)
    if doubled:
        raise BenchmarkError(f"{doubled} events did not arrive exactly once.")
    return sorted(
        (times[event_id][0] - moment) * 1000 for event_id, moment in published.sent.items()
    )


def percentile(values: Sequence[float], part: float) -> float:
    """Of sorted values, the smallest that is not below this part of them."""
    return values[max(math.ceil(len(values) * part) - 1, 0)]
