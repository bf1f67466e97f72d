"""How many events a second one web process on one core takes, stored with their deliveries."""

import os
import shutil
from argparse import Namespace
from statistics import median

from benchmarks import rows, service
from benchmarks.cpu import cpu_s
from benchmarks.place import BenchmarkError, Place, wait_for_quiet
from benchmarks.publishing import Published, publish
from benchmarks.report import Report

BATCH = 100
MOST_CLIENT_CPU = 0.7


def measure(place: Place, report: Report, options: Namespace) -> None:
    rates: dict[str, list[float]] = {"ingest_singly": [], "ingest_batch": []}
    cpu_us: dict[str, list[float]] = {key: [] for key in rates}
    on_first, on_last = _pins(report)
    with (
        service.web(place, prefix=on_first) as (port, pid),
        service.subscribed("http://127.0.0.1:9/nobody"),
    ):
        for number in range(options.rounds + 1):
            condition = wait_for_quiet(options.quiet, options.patience)
            for key, batch in (("ingest_singly", 1), ("ingest_batch", BATCH)):
                rows.clear()
                cpu_before_s = cpu_s([pid])
                published = publish(
                    place,
                    port,
                    seconds=options.seconds / 2 if number else 2,
                    rate=None,
                    batch=batch,
                    connections=8,
                    prefix=on_last,
                )
                used_s = cpu_s([pid]) - cpu_before_s
                _check(published)
                if number:
                    rates[key].append(len(published.sent) / published.seconds)
                    cpu_us[key].append(used_s / len(published.sent) * 1e6)
                    report.say(
                        f"round {number}: {condition}: batches of {batch}:"
                        f" {rates[key][-1]:,.0f}/s, {cpu_us[key][-1]:,.0f} us of CPU each,"
                        f" the client used {published.cpu:.0%} of a core"
                    )
    for key, values in rates.items():
        report.target(key, median(values), rounds=values)
    for key, what in (("ingest_singly", "singly"), ("ingest_batch", "in batches")):
        report.figure(
            f"ingest {what}: processor time of the web for each event",
            median(cpu_us[key]),
            "{:,.0f} us",
            rounds=cpu_us[key],
        )


def _pins(report: Report) -> tuple[list[str], list[str]]:
    """Prefixes of commands: on the first core, on another; empty where that can not be asked."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if shutil.which("taskset") is None or len(cores) < 2:
        report.note("pinned", "no")
        return [], []
    return ["taskset", "-c", str(cores[0])], ["taskset", "-c", str(cores[-1])]


def _check(published: Published) -> None:
    """Raises BenchmarkError unless what was accepted is stored, each with its delivery."""
    row = (
        rows.database()
        .execute(
            "SELECT (SELECT count(*) FROM events_event), (SELECT count(*) FROM delivery_delivery)"
        )
        .fetchone()
    )
    if row != (len(published.sent), len(published.sent)):
        raise BenchmarkError(f"{len(published.sent)} accepted; events and deliveries: {row}")
    if published.cpu > MOST_CLIENT_CPU:
        raise BenchmarkError(f"The client was busy: {published.cpu:.0%} of a core.")
