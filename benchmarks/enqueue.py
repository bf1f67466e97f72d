"""From the POST of an event to its receipt, at a steady fifty a second."""

from argparse import Namespace
from statistics import median

from benchmarks import rows, service
from benchmarks.place import Place, wait_for_quiet
from benchmarks.publishing import delays_ms, percentile, publish
from benchmarks.receivers import bundled_receiver
from benchmarks.report import Report

RATE = 50
WARM_UP_S = 4


def measure(place: Place, report: Report, options: Namespace) -> None:
    percentiles: dict[float, list[float]] = {0.5: [], 0.99: []}
    rows.clear()
    with (
        bundled_receiver(place) as receiver,
        service.workers(place),
        service.web(place) as (port, _),
        service.subscribed(receiver.url("/ok")),
    ):
        for number in range(options.rounds + 1):
            receiver.control("reset")
            seconds = options.seconds if number else WARM_UP_S
            condition = wait_for_quiet(options.quiet, options.patience)
            delays = delays_ms(receiver, publish(place, port, seconds=seconds, rate=RATE))
            if number == 0:
                continue
            found = {part: percentile(delays, part) for part in percentiles}
            report.say(
                f"round {number}: {condition}: p50 {found[0.5]:.1f} ms,"
                f" p99 {found[0.99]:.1f} ms, most {delays[-1]:.1f} ms"
            )
            for part, value in found.items():
                percentiles[part].append(value)
    report.target("enqueue_p50", median(percentiles[0.5]), rounds=percentiles[0.5])
    report.target("enqueue_p99", median(percentiles[0.99]), rounds=percentiles[0.99])
