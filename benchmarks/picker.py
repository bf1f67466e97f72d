"""How long the event picker takes to open, and to follow a key, in a real browser."""

import os
from argparse import Namespace
from statistics import median

from benchmarks import rows, service
from benchmarks.place import BenchmarkError, Place, wait_for_quiet
from benchmarks.report import Report

CUSTOM_TYPES = 500
# From the event to the second frame after it: what was changed is on the screen by then.
PAINTED = """(act) => new Promise((done) => {
    const began = performance.now();
    %s
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""
OPEN = PAINTED % "document.getElementById('select-events').click();"
TYPE = PAINTED % (
    "const box = document.querySelector('[data-find]'); box.value = act;"
    " box.dispatchEvent(new Event('input', {bubbles: true}));"
)


def measure(place: Place, report: Report, options: Namespace) -> None:
    from benchmarks import page_times
    from tests.browser.chromium import NoBrowser, chromium
    from tests.browser.visitor import Site, Visitor

    # Playwright keeps an event loop in this thread; the database is asked between its calls only.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    rows.clear()
    membership = page_times.reader_with_event_types(CUSTOM_TYPES)
    opened_ms: list[float] = []
    typed_ms: list[float] = []
    try:
        with service.web(place) as (port, _), chromium() as browser:
            for _round in range(options.rounds + 1):
                report.say(wait_for_quiet(options.quiet, options.patience))
                visitor = Visitor(browser, Site(f"http://127.0.0.1:{port}"), membership)
                visitor.page.goto("/notifications/new")
                opened_ms.append(visitor.page.evaluate(OPEN))
                typed_ms += [visitor.page.evaluate(TYPE, text) for text in ("p", "po", "poi")]
                visitor.leave()
    except NoBrowser as problem:
        raise BenchmarkError(str(problem)) from problem
    report.figure("picker follows a key, 578 types", median(typed_ms), "{:.0f} ms", typed_ms)
    report.target("picker", median(opened_ms[1:]), opened_ms)
