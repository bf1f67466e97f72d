"""What the demo tells a newcomer on the terminal: what happened, and what can be tried now."""

import statistics
from collections.abc import Iterator

from django.urls import reverse

from ens_project.demo import brand
from ens_project.demo.show import Sent, Shown
from ens_project.demo.state import DemoState


def story(state: DemoState, url: str, shown: Shown) -> str:
    """What happened and what can be done now, in lines of at most 100 characters."""
    parts = (
        _table(shown.events),
        _more(shown),
        _doors(state, url),
        _commands(state, url, shown.events),
    )
    return "\n" + "\n".join(line.rstrip() for part in parts for line in part)


def _table(sent: list[Sent]) -> Iterator[str]:
    yield f"  {brand.PARENT} has published {len(sent)} events through the API."
    yield ""
    yield f"  {'event':<24}{'state':<16}{'received after':>14}"
    for event in sent:
        after = "" if event.receipt_ms is None else f"{event.receipt_ms:.0f} ms"
        by_child = f"   from {brand.CHILD}" if event.by_child else ""
        yield f"  {event.name:<24}{event.state:<16}{after:>14}{by_child}"
    times_ms = [event.receipt_ms for event in sent if event.receipt_ms is not None]
    delivered = sum(event.is_delivered for event in sent)
    median = f", the median after {statistics.median(times_ms):.0f} ms" if times_ms else ""
    yield ""
    yield f"  {delivered} of {len(sent)} delivered{median}; counted from ingestion to the"
    yield "  receiver's answer. The first one may have waited for the workers to start."


def _more(shown: Shown) -> Iterator[str]:
    yield ""
    for event in shown.enriched:
        what = "with till, store, identifiers and points" if event.is_delivered else event.state
        yield f"  {brand.CRM.name:<16}{event.name:<18}{what}"
    for event in shown.recovered:
        yield f"  {brand.ANALYTICS.name:<16}{event.name:<18}{_recovery(event)}"
    again = shown.replayed
    once_more = "sent again, with the same webhook-id" if again.is_delivered else again.state
    yield f"  {'Replay':<16}{again.name:<18}{once_more}"


def _recovery(event: Sent) -> str:
    if not event.is_delivered or event.attempts < 2 or event.receipt_ms is None:
        return event.state
    return f"was down; delivered by attempt {event.attempts}, after {event.receipt_ms / 1000:.1f} s"


def _doors(state: DemoState, url: str) -> Iterator[str]:
    yield ""
    yield f"  Sign in          {url}{reverse('sign-in')}"
    for user in brand.USERS:
        if user.username in state.users:
            yield f"    {user.username:<6} {state.users[user.username]:<22} {user.may}"
    yield f"  API, to try out  {url}{reverse('api-docs')}"


def _commands(state: DemoState, url: str, sent: list[Sent]) -> Iterator[str]:
    credential = f"curl -sSw '\\n' -u {state.code}:{state.password}"
    yield ""
    yield "  Publish an event of your own:"
    yield ""
    yield f"{credential} \\"
    yield "  -H 'Content-Type: application/json' \\"
    yield """  -d '{"eventName": "customerAdded", "data": {"firstName": "Asha","""
    yield """       "customerIdentifiers": {"customerId": 482579328}}}' \\"""
    yield f"  {url}/v3/events"
    yield ""
    yield "  Read what became of one:"
    yield ""
    yield f"{credential} \\"
    yield f"  {url}/v3/webHooks/eventLog/{sent[0].event_id}"
    yield ""
    yield "  List the webhooks:"
    yield ""
    yield f"{credential} \\"
    yield f"  {url}/v3/webHooks"
    yield ""
    yield "  Ctrl-C stops everything; the next start goes on with the same data."
    yield ""
