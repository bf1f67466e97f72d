"""How many deliveries a second, beside other ways to make them."""

import contextlib
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.contenders import Contender
from benchmarks.contenders.django_webhook import DjangoWebhook, install
from benchmarks.contenders.engine import Engine
from benchmarks.contenders.one_task import OneTask
from benchmarks.contenders.raw import Raw
from benchmarks.cpu import cpu_s
from benchmarks.place import BenchmarkError, Place, wait_for_quiet
from benchmarks.receivers import Receiver, fast_receiver
from benchmarks.report import Report

CONTENDERS: dict[str, type[Contender]] = {
    "engine": Engine,
    "raw": Raw,
    "one-task": OneTask,
    "django-webhook": DjangoWebhook,
}
KEYS = {Raw.name: "against_raw", DjangoWebhook.name: "against_django_webhook"}

TEN = f"{Engine.name}, 10 webhooks"


@dataclass(frozen=True)
class Run:
    """`rate` in deliveries a second; `cpu_us` of the sending processes for each delivery."""

    rate: float
    cpu_us: float


def measure(place: Place, report: Report, options: Namespace) -> None:
    contenders = _installed([CONTENDERS[name]() for name in options.contenders], report)
    runs: dict[str, list[Run]] = {}
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(fast_receiver(place))
        report.note("receiver", receiver.name)
        for contender in contenders:  # idle while others have their turn
            stack.enter_context(contender.ready(place, receiver))
        for number in range(1, options.rounds + 1):
            condition = wait_for_quiet(options.quiet, options.patience)
            report.say(f"round {number}: {condition}")
            for contender in contenders:
                for name, run in _turn(receiver, contender, options.deliveries).items():
                    runs.setdefault(name, []).append(run)
                    report.say(f"  {name}: {run.rate:,.0f}/s, {run.cpu_us:,.0f} us of CPU each")
    _conclude(report, runs)


def _installed(contenders: list[Contender], report: Report) -> list[Contender]:
    """All that can run here; what can not is told and left out."""
    try:
        if any(isinstance(contender, DjangoWebhook) for contender in contenders):
            install()
    except BenchmarkError as error:
        report.note("left out", str(error))
        return [item for item in contenders if not isinstance(item, DjangoWebhook)]
    return contenders


def _turn(receiver: Receiver, contender: Contender, deliveries: int) -> dict[str, Run]:
    """How this contender did with one webhook and (ours) with ten."""
    count = max(int(deliveries * contender.share), 100)
    runs = {contender.name: _run(receiver, contender, [receiver.url("/ok/0")], count)}
    if isinstance(contender, Engine):
        ten = [receiver.url(f"/ok/{number}") for number in range(1, 11)]
        runs[TEN] = _run(receiver, contender, ten, count)
    return runs


def _run(receiver: Receiver, contender: Contender, urls: Sequence[str], count: int) -> Run:
    """Raises BenchmarkError unless requests, records and events agree."""
    pids = [process.pid for process in contender.processes]
    before, cpu_before_s = receiver.requests(), cpu_s(pids)
    taken_s = contender.deliver(urls, count)
    used_s = cpu_s(pids) - cpu_before_s
    requests = receiver.requests() - before
    recorded = contender.recorded()
    if requests != count or recorded not in (None, (count, count)):
        raise BenchmarkError(
            f"{contender.name}: {count} events, {requests} requests at the receiver,"
            f" (deliveries, attempts) recorded: {recorded}"
        )
    return Run(count / taken_s, used_s / count * 1e6)


def _conclude(report: Report, runs: dict[str, list[Run]]) -> None:
    for name, values in runs.items():
        rates = [run.rate for run in values]
        report.figure(f"{name}: deliveries/s", median(rates), "{:,.0f}/s", rounds=rates)
    for name, values in runs.items():
        cpu_us = [run.cpu_us for run in values]
        report.figure(f"{name}: processor time of each", median(cpu_us), "{:,.0f} us", cpu_us)
    if Engine.name not in runs:
        return
    for name, values in runs.items():
        if name in (Engine.name, TEN):
            continue
        for own in (Engine.name, TEN):
            ratios = [
                ours.rate / theirs.rate for ours, theirs in zip(runs[own], values, strict=True)
            ]
            if own == Engine.name and name in KEYS:
                report.target(KEYS[name], median(ratios), rounds=ratios)
            else:
                report.figure(f"{own} against {name}", median(ratios), "{:.2f} x", ratios)
