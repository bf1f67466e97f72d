"""What was measured, beside what was hoped for: a table for people, a file for machines."""

import datetime as dt
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.place import ROOT, load_average

DIRECTORY = ROOT / "var" / "benchmarks"


@dataclass(frozen=True)
class Target:
    """`good` and `excellent` are bounds: lower ones, or upper ones when `less_is_better`."""

    what: str
    good: float
    excellent: float
    form: str
    less_is_better: bool = False

    def verdict(self, value: float) -> str:
        def reached(bound: float) -> bool:
            return value <= bound if self.less_is_better else value >= bound

        if reached(self.excellent):
            return "excellent"
        return "good" if reached(self.good) else "MISSED"


TARGETS = {
    "against_django_webhook": Target(
        "deliveries/s against django-webhook 0.0.15 with its defaults", 20, 40, "{:.1f} x"
    ),
    "against_raw": Target(
        "deliveries/s against two processes of raw HTTPAdapter.send", 0.60, 0.85, "{:.0%}"
    ),
    "enrichment": Target("deliveries/s with everything enriched: share", 0.85, 0.95, "{:.0%}"),
    "latency_one": Target(
        "one webhook, 500 ms receiver, limit 100: share of limit / latency", 0.95, 0.99, "{:.1%}"
    ),
    "latency_ten": Target("ten of those at once", 0.60, 0.80, "{:.1%}"),
    "enqueue_p50": Target("POST to receipt at 50/s, p50", 15, 8, "{:.1f} ms", True),
    "enqueue_p99": Target("POST to receipt at 50/s, p99", 60, 30, "{:.1f} ms", True),
    "isolation": Target(
        "a healthy webhook's p99 beside one that hangs with many rows", 2, 1.2, "{:.2f} x", True
    ),
    "ingest_singly": Target("ingest, one core, one subscriber: singly", 350, 550, "{:,.0f}/s"),
    "ingest_batch": Target("ingest, in batches of 100", 3_500, 5_500, "{:,.0f}/s"),
    "memory": Target("memory of a worker while many rows wait", 300, 150, "{:.0f} MB", True),
    "pages": Target("the slowest page, 500 webhooks, server time", 100, 50, "{:.1f} ms", True),
    "picker": Target("the event picker opens, 578 types", 200, 100, "{:.0f} ms", True),
    "lost": Target("lost after kill -9 of each process in turn", 0, 0, "{:.0f}", True),
}


@dataclass
class Figure:
    what: str
    value: float
    shown: str
    rounds: list[float]
    good: str = ""
    excellent: str = ""
    verdict: str = ""


@dataclass
class Report:
    figures: list[Figure] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def __post_init__(self) -> None:
        self.notes |= {
            "began": self.began.isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            "machine": f"{platform.machine()}, {_cpu_model()}",
            "python": platform.python_version(),
            "load before": load_average(),
        }

    def say(self, line: str) -> None:
        print(line, flush=True)

    def note(self, name: str, value: Any) -> None:
        self.notes[name] = value

    def figure(self, what: str, value: float, form: str, rounds: Sequence[float] = ()) -> None:
        self.figures.append(Figure(what, value, form.format(value), list(rounds)))

    def target(self, key: str, value: float, rounds: Sequence[float] = ()) -> None:
        target = TARGETS[key]
        self.figures.append(
            Figure(
                what=target.what,
                value=value,
                shown=target.form.format(value),
                rounds=list(rounds),
                good=target.form.format(target.good),
                excellent=target.form.format(target.excellent),
                verdict=target.verdict(value),
            )
        )

    def finish(self) -> Path:
        """Print the table and write the file; its path."""
        self.notes["load after"] = load_average()
        print("\n" + "\n".join(self._lines()))
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        path = DIRECTORY / f"{self.began:%Y%m%dT%H%M%SZ}.json"
        content = {**self.notes, "figures": [asdict(figure) for figure in self.figures]}
        path.write_text(json.dumps(content, indent=2) + "\n")
        return path

    def _lines(self) -> list[str]:
        width = max((len(figure.what) for figure in self.figures), default=10)
        head = f"{'':<{width}}  {'measured':>12}  {'good':>10}  {'excellent':>10}"
        lines = [f"{name}: {value}" for name, value in self.notes.items()]
        lines += ["", head, "-" * len(head)]
        return lines + [
            f"{figure.what:<{width}}  {figure.shown:>12}  {figure.good:>10}"
            f"  {figure.excellent:>10}  {figure.verdict}".rstrip()
            for figure in self.figures
        ]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")
