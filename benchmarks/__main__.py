"""`python -m benchmarks WHAT`: see README.md beside this file."""

import argparse
import sys

from benchmarks import place, throughput
from benchmarks.report import Report

MEASUREMENTS = {"throughput": throughput.measure}


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
            except place.BenchmarkError as error:
                report.say("\n".join([f"FAILED: {error}", *getattr(error, "__notes__", [])]))
                report.note(f"{name} failed", str(error))
                failed = True
    report.say(f"written to {report.finish()}")
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=[*MEASUREMENTS, "all"])
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="medians are taken over these (3)")
    add("--deliveries", type=int, default=3_000, help="for one contender in one round (3,000)")
    add("--contenders", type=_names, default=["engine", "raw"], help="with commas between")
    add("--quiet", type=float, default=3.0, help="wait for a one-minute load below this (3.0)")
    add("--patience", type=float, default=120.0, help="seconds to wait for it at most (120)")
    durability = parser.add_mutually_exclusive_group()
    durability.add_argument("--durable", action="store_true", default=True)
    durability.add_argument(
        "--no-durable", dest="durable", action="store_false", help="PostgreSQL without fsync"
    )
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main())
