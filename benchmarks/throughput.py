"""How many deliveries a second, beside other ways to make them."""

import contextlib
from argparse import Namespace
from collections.abc import Sequence
from statistics import median

from benchmarks.contenders import Contender
from benchmarks.contenders.django_webhook import DjangoWebhook, install
from benchmarks.contenders.engine import Engine
from benchmarks.contenders.one_task import OneTask
from benchmarks.contenders.raw import Raw
from benchmarks.place import BenchmarkError, Place, load_average, wait_for_quiet
from benchmarks.receivers import Receiver, fast_receiver
from benchmarks.report import Report

CONTENDERS: dict[str, type[Contender]] = {
    "engine": Engine,
    "raw": Raw,
    "one-task": OneTask,
    "django-webhook": DjangoWebhook,
}
KEYS = {Raw.name: "against_raw", DjangoWebhook.name: "against_django_webhook"}


def measure(place: Place, report: Report, options: Namespace) -> None:
    contenders = _installed([CONTENDERS[name]() for name in options.contenders], report)
    rates: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(fast_receiver(place))
        report.note("receiver", receiver.name)
        for contender in contenders:  # idle while others have their turn
            stack.enter_context(contender.ready(place, receiver))
        for number in range(1, options.rounds + 1):
            wait_for_quiet(options.quiet, options.patience)
            report.say(f"round {number}, load {load_average()}")
            for contender in contenders:
                for name, rate in _turn(receiver, contender, options.deliveries).items():
                    rates.setdefault(name, []).append(rate)
                    report.say(f"  {name}: {rate:,.0f}/s")
    _conclude(report, rates)


def _installed(contenders: list[Contender], report: Report) -> list[Contender]:
    """All that can run here; what can not is told and left out."""
    try:
        if any(isinstance(contender, DjangoWebhook) for contender in contenders):
            install()
    except BenchmarkError as error:
        report.note("left out", str(error))
        return [item for item in contenders if not isinstance(item, DjangoWebhook)]
    return contenders


def _turn(receiver: Receiver, contender: Contender, deliveries: int) -> dict[str, float]:
    """Deliveries a second of this contender, for one webhook and (ours) for ten."""
    count = max(int(deliveries * contender.share), 100)
    one = [receiver.url("/ok/0")]
    rates = {contender.name: count / _checked(receiver, contender, one, count)}
    if isinstance(contender, Engine):
        ten = [receiver.url(f"/ok/{number}") for number in range(1, 11)]
        rates[f"{contender.name}, 10 webhooks"] = count / _checked(receiver, contender, ten, count)
    return rates


def _checked(receiver: Receiver, contender: Contender, urls: Sequence[str], count: int) -> float:
    """The seconds it took. Raises BenchmarkError unless requests, records and events agree."""
    before = receiver.requests()
    taken_s = contender.deliver(urls, count)
    requests = receiver.requests() - before
    recorded = contender.recorded()
    if requests != count or recorded not in (None, (count, count)):
        raise BenchmarkError(
            f"{contender.name}: {count} events, {requests} requests at the receiver,"
            f" (deliveries, attempts) recorded: {recorded}"
        )
    return taken_s


def _conclude(report: Report, rates: dict[str, list[float]]) -> None:
    for name, values in rates.items():
        report.figure(f"{name}: deliveries/s", median(values), "{:,.0f}/s", rounds=values)
    ours = rates.get(Engine.name)
    if ours is None:
        return
    for name, values in rates.items():
        if name == Engine.name:
            continue
        ratios = [own / other for own, other in zip(ours, values, strict=True)]
        key = KEYS.get(name)
        if key:
            report.target(key, median(ratios), rounds=ratios)
        else:
            report.figure(f"engine against {name}", median(ratios), "{:.2f} x", rounds=ratios)
