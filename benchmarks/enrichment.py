"""What enrichment costs: the same deliveries as they are, and with everything added."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import rows, service
from benchmarks.cpu import cpu_s
from benchmarks.place import BenchmarkError, Place, wait_for_quiet
from benchmarks.receivers import Receiver, fast_receiver
from benchmarks.report import Report

EVENT_NAME = "pointsIssued"  # every setting adds something to it
CUSTOMERS, TILLS, STORES = 5_000, 200, 20
WARM_UP = 1_000
PLAIN, ENRICHED = "as they came in", "enriched"


@dataclass(frozen=True)
class Run:
    """`rate` in deliveries a second; `cpu_us` of the workers for each delivery."""

    rate: float
    cpu_us: float


def measure(place: Place, report: Report, options: Namespace) -> None:
    load_reference_data()
    runs: dict[str, list[Run]] = {PLAIN: [], ENRICHED: []}
    with fast_receiver(place) as receiver, service.workers(place) as workers:
        pids = [worker.pid for worker in workers]
        webhooks = {name: rows.make_webhook(receiver.url(f"/ok/{name[:2]}")) for name in runs}
        enrich(webhooks[ENRICHED])
        report.note("receiver", receiver.name)
        for webhook_id in webhooks.values():
            _run(receiver, webhook_id, WARM_UP, pids)
        for number in range(1, options.rounds + 1):
            condition = wait_for_quiet(options.quiet, options.patience)
            report.say(f"round {number}: {condition}")
            # Whose turn is second has warmer caches: they take turns in that too.
            for name in (PLAIN, ENRICHED) if number % 2 else (ENRICHED, PLAIN):
                run = _run(receiver, webhooks[name], options.deliveries, pids)
                runs[name].append(run)
                report.say(f"  {name}: {run.rate:,.0f}/s, {run.cpu_us:,.0f} us of CPU each")
    _conclude(report, runs)


def load_reference_data() -> None:
    """Customers with identifiers in three sources, tills and stores, of the rows' organisation."""
    from organizations.models import Customer, CustomerIdentifier, Store, Till

    owner = rows.organization_id()
    stores = Store.objects.bulk_create(
        Store(organization_id=owner, store_id=n, code=f"store.{n}", name=f"Store {n}")
        for n in range(STORES)
    )
    Till.objects.bulk_create(
        Till(
            organization_id=owner,
            till_id=n,
            code=f"till.{n}",
            name=f"Till {n}",
            store=stores[n % STORES],
        )
        for n in range(TILLS)
    )
    customers = Customer.objects.bulk_create(
        Customer(organization_id=owner, customer_id=n, points_balance=n / 4)
        for n in range(CUSTOMERS)
    )
    kinds = (
        *(("instore", "", kind) for kind in ("mobile", "email", "externalId", "cardNumber")),
        *(("wechat", "main", "openId"), ("wechat", "main", "unionId"), ("line", "main", "userId")),
    )
    CustomerIdentifier.objects.bulk_create(
        [
            CustomerIdentifier(
                customer=customer,
                source=source,
                account_id=account_id,
                kind=kind,
                value=f"{kind}-{customer.customer_id:012}",
            )
            for customer in customers
            for source, account_id, kind in kinds
        ],
        batch_size=5_000,
    )
    rows.database().execute("ANALYZE")


def enrich(webhook_id: int) -> None:
    """Let it have everything that there is."""
    from organizations.sources import PAYLOAD_KEYS
    from webhooks.models import Webhook

    Webhook.objects.filter(pk=webhook_id).update(
        enrich_till=True,
        enrich_store=True,
        enrich_customer_sources=list(PAYLOAD_KEYS),
        enrich_card_number=True,
        enrich_awarded_reference=True,
        enrich_points_balance=True,
    )


def payloads(count: int) -> list[str]:
    """Of so many customers, each at one of the tills."""
    event = json.loads((rows.SAMPLES / f"{EVENT_NAME}.json").read_text())
    data = event["data"]
    made = []
    for n in range(count):
        data["customerIdentifiers"]["customerId"] = n % CUSTOMERS
        data["triggeringActivity"]["enteredBy"]["id"] = n % TILLS
        made.append(json.dumps(event, separators=(",", ":")))
    return made


def _run(receiver: Receiver, webhook_id: int, count: int, pids: Sequence[int]) -> Run:
    """Raises BenchmarkError unless requests, records and events agree."""
    rows.clear()
    rows.deactivate([webhook_id])
    rows.insert_deliveries([webhook_id], count, payloads(count))
    before, cpu_before_s = receiver.requests(), cpu_s(pids)
    taken_s = service.deliver_all([webhook_id])
    used_s = cpu_s(pids) - cpu_before_s
    requests, recorded = receiver.requests() - before, rows.outcome()
    if requests != count or recorded != (count, count):
        raise BenchmarkError(
            f"{count} events, {requests} requests at the receiver,"
            f" (deliveries, attempts) recorded: {recorded}"
        )
    return Run(count / taken_s, used_s / count * 1e6)


def _conclude(report: Report, runs: dict[str, list[Run]]) -> None:
    for name, values in runs.items():
        rates = [run.rate for run in values]
        report.figure(f"payloads {name}: deliveries/s", median(rates), "{:,.0f}/s", rates)
        cpu_us = [run.cpu_us for run in values]
        report.figure(
            f"payloads {name}: processor time of each", median(cpu_us), "{:,.0f} us", cpu_us
        )
    pairs = list(zip(runs[ENRICHED], runs[PLAIN], strict=True))
    report.target("enrichment", median(ratios := [e.rate / p.rate for e, p in pairs]), ratios)
