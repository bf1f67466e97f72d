"""What a worker holds while many rows wait for a receiver that never answers."""

import os
import time
from argparse import Namespace
from pathlib import Path
from statistics import median

from benchmarks import rows, service
from benchmarks.place import Place
from benchmarks.receivers import bundled_receiver
from benchmarks.report import Report

LOOK_S = 35.0  # past the first timeouts, which come after 30
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def measure(place: Place, report: Report, options: Namespace) -> None:
    rows.clear()
    with bundled_receiver(place) as receiver, service.workers(place) as processes:
        webhook = rows.make_webhook(receiver.url("/hang"))
        rows.insert_deliveries([webhook], options.rows)
        idle = [resident_mb(process.pid) for process in processes]
        peaks = list(idle)
        with service.hanging(receiver, webhook, at_least=1):
            until = time.monotonic() + LOOK_S
            while time.monotonic() < until:
                time.sleep(0.5)
                now = [resident_mb(process.pid) for process in processes]
                peaks = [max(pair) for pair in zip(peaks, now, strict=True)]
    report.note("rows that wait", options.rows)
    report.figure("memory of an idle worker", median(idle), "{:.0f} MB", idle)
    report.target("memory", max(peaks), rounds=peaks)


def resident_mb(pid: int) -> float:
    """Resident set of the process, in units of 1,000,000 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES / 1e6
