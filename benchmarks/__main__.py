"""`python -m benchmarks WHAT`: see README.md beside this file."""

import argparse
import sys
import traceback

from benchmarks import (
    enqueue,
    enrichment,
    ingest,
    isolation,
    latency,
    lost,
    memory,
    pages,
    picker,
    place,
    throughput,
)
from benchmarks.report import Report

MEASUREMENTS = {
    module.__name__.rpartition(".")[2]: module.measure
    for module in (
        throughput,
        enrichment,
        latency,
        enqueue,
        isolation,
        ingest,
        memory,
        lost,
        pages,
        picker,
    )
}


def main() -> int:
    options = parse_arguments()
    wanted = list(MEASUREMENTS) if options.what == "all" else [options.what]
    report = Report()
    report.note("database", "durable" if options.durable else "without fsync")
    place.prepare_environment(is_durable=options.durable)
    failed = False
    with place.Place() as here:
        for name in wanted:
            report.say(f"== {name}")
            try:
                MEASUREMENTS[name](here, report, options)
            except Exception as error:  # noqa: BLE001  the others are still worth their time
                lines = [f"FAILED: {error}", *getattr(error, "__notes__", [])]
                if not isinstance(error, place.BenchmarkError):
                    lines.insert(0, traceback.format_exc())
                report.say("\n".join(lines))
                report.note(f"{name} failed", repr(error))
                failed = True
    report.say(f"written to {report.finish()}")
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=[*MEASUREMENTS, "all"])
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="medians are taken over these (3)")
    add("--deliveries", type=int, default=3_000, help="for one contender in one round (3,000)")
    add(
        "--contenders",
        type=lambda text: text.split(","),
        default=list(throughput.CONTENDERS),
        help=f"of the throughput, with commas between ({','.join(throughput.CONTENDERS)})",
    )
    add("--seconds", type=float, default=10.0, help="of each phase with a steady load (10)")
    add("--rows", type=int, default=100_000, help="that wait for a hanging receiver (100,000)")
    add("--volume", type=int, default=1_000_000, help="deliveries behind the pages (1,000,000)")
    add("--quiet", type=float, default=3.0, help="wait for a one-minute load below this (3.0)")
    add("--patience", type=float, default=120.0, help="seconds to wait for it at most (120)")
    add(
        "--durable",
        action="store_true",
        help="PostgreSQL with its own defaults; without this it does not wait for the disk",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
