"""What a webhook that hangs, with many rows waiting, does to a healthy one."""

from argparse import Namespace
from statistics import median

from benchmarks import rows, service
from benchmarks.enqueue import RATE, WARM_UP_S
from benchmarks.place import Place, wait_for_quiet
from benchmarks.publishing import delays_ms, percentile, publish
from benchmarks.receivers import Receiver, bundled_receiver
from benchmarks.report import Report

HANGING_BEFORE = 20


def measure(place: Place, report: Report, options: Namespace) -> None:
    ratios, alone_ms, beside_ms = [], [], []
    rows.clear()
    with (
        bundled_receiver(place) as healthy,
        bundled_receiver(place) as other,
        service.workers(place),
        service.web(place) as (port, _),
        service.subscribed(healthy.url("/ok")),
    ):
        hanging = rows.make_webhook(other.url("/hang"))
        rows.insert_deliveries([hanging], options.rows)
        _p99(place, healthy, port, WARM_UP_S)
        for number in range(1, options.rounds + 1):
            condition = wait_for_quiet(options.quiet, options.patience)
            alone_ms.append(_p99(place, healthy, port, options.seconds))
            with service.hanging(other, hanging, at_least=HANGING_BEFORE):
                beside_ms.append(_p99(place, healthy, port, options.seconds))
            ratios.append(beside_ms[-1] / alone_ms[-1])
            report.say(
                f"round {number}: {condition}: p99 {alone_ms[-1]:.1f} ms alone,"
                f" {beside_ms[-1]:.1f} ms beside"
            )
    report.note("rows that hang", options.rows)
    report.figure("healthy webhook's p99 alone", median(alone_ms), "{:.1f} ms", alone_ms)
    report.figure("healthy webhook's p99 beside", median(beside_ms), "{:.1f} ms", beside_ms)
    report.target("isolation", median(ratios), rounds=ratios)


def _p99(place: Place, receiver: Receiver, port: int, seconds: float) -> float:
    receiver.control("reset")
    return percentile(delays_ms(receiver, publish(place, port, seconds=seconds, rate=RATE)), 0.99)
