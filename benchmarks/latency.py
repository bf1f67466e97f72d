"""A slow receiver: how much of what its connections allow is used."""

from argparse import Namespace
from statistics import median

from benchmarks import rows, service
from benchmarks.place import BenchmarkError, Place, wait_for_quiet
from benchmarks.receivers import Receiver, bundled_receiver
from benchmarks.report import Report

LIMIT = 100
LATENCY_MS = 500


def measure(place: Place, report: Report, options: Namespace) -> None:
    shares: dict[str, list[float]] = {"latency_one": [], "latency_ten": []}
    with bundled_receiver(place) as receiver, service.workers(place):
        webhooks = [
            rows.make_webhook(receiver.url(f"/slow/{LATENCY_MS}/{n}"), max_connections=LIMIT)
            for n in range(10)
        ]
        _share(receiver, webhooks, 200)  # from now on they are known to answer
        for number in range(1, options.rounds + 1):
            condition = wait_for_quiet(options.quiet, options.patience)
            report.say(f"round {number}: {condition}")
            for key, chosen, count in (
                ("latency_one", webhooks[:1], options.deliveries),
                ("latency_ten", webhooks, options.deliveries * 4),
            ):
                shares[key].append(_share(receiver, chosen, count))
                report.say(f"  {len(chosen)} webhooks: {shares[key][-1]:.1%}")
    for key, values in shares.items():
        report.target(key, median(values), rounds=values)


def _share(receiver: Receiver, webhooks: list[int], count: int) -> float:
    """Deliveries/s as a part of limit / latency, from the wake-up to the last record."""
    rows.clear()
    rows.deactivate(webhooks)
    rows.insert_deliveries(webhooks, count)
    receiver.control("reset")
    taken_s = service.deliver_all(webhooks)
    counts = receiver.control("count")
    if counts["requests"] != count or rows.outcome() != (count, count):
        raise BenchmarkError(
            f"{count} events, {counts['requests']} requests, recorded {rows.outcome()}"
        )
    if counts["most_at_once"] > LIMIT:
        raise BenchmarkError(f"{counts['most_at_once']} requests at once to one webhook.")
    return count / taken_s / (len(webhooks) * LIMIT / (LATENCY_MS / 1000))
