"""What a page of the admin UI costs the server, with the rows of a large installation."""

from argparse import Namespace

from benchmarks.place import Place
from benchmarks.report import Report


def measure(_place: Place, report: Report, options: Namespace) -> None:
    from benchmarks import page_times  # it needs Django, which the place has set up by now

    page_times.measure(report, options)
