"""The life of one delivery, the latest first: what comes next, its attempts, where it began."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from delivery import reasons
from delivery.looks import LOOKS
from delivery.models import WAITING, Attempt, Delivery, State
from delivery.transport.result import ANSWERS
from organizations.templatetags.display import duration
from webhooks.models import Webhook, WebhookType

# Half a day of attempts at their longest distance; a receiver may also ask for one each second.
PAGE_ATTEMPTS = 50
RETRY_AFTER = "retry-after"
MOST_OF_RETRY_AFTER = 40
ENDED_WITHOUT_ATTEMPT = (State.EXPIRED, State.CANCELLED, State.QUARANTINED)
# What a list of attempts shows; headers and bodies are read for one at a time.
LISTED = ("number", "started_at", "duration_ms", "address", "status", "error", "delivery_id")


@dataclass(frozen=True)
class Exchange:
    """What was sent and what came back. `path` is "" when the webhook was changed since: its
    address at that time is not kept."""

    request: list[str]
    response: list[str]
    body: str
    body_bytes: int
    is_cut: bool
    detail: str

    @classmethod
    def of(cls, attempt: Attempt, webhook: Webhook) -> "Exchange":
        return cls(
            request=[*_request_line(attempt, webhook), *_lines(attempt.request_headers)],
            response=[
                *_said(attempt),
                *_lines(attempt.response_headers),
            ],
            body=attempt.response_body,
            body_bytes=len(attempt.response_body.encode(errors="replace")),
            is_cut=attempt.body_truncated,
            detail=attempt.detail,
        )


@dataclass(frozen=True)
class Entry:
    """`attempt_id` and `number` are those of an attempt that has an exchange; it is None unless
    it is open."""

    tone: str
    icon: str
    title: str
    note: str = ""
    when: dt.datetime | None = None
    is_due: bool = False
    attempt_id: int | None = None
    number: int = 0
    exchange: Exchange | None = None


def retry_after(attempt: Attempt | None) -> str:
    """As the receiver wrote it; "" if that attempt's response did not make us wait."""
    if attempt is None or attempt.status not in (429, 503):
        return ""
    pairs = _pairs(attempt.response_headers)
    found = next((value for name, value in pairs if name.lower() == RETRY_AFTER), "")
    return found[:MOST_OF_RETRY_AFTER]


def ahead(
    delivery: Delivery, newest: Attempt | None, now: dt.datetime, in_flight: int
) -> Iterator[Entry]:
    """What is under way or to come, or how it ended other than by an attempt."""
    state = State(delivery.state)
    if state in WAITING:
        waits = reasons.why_waiting(delivery, delivery.webhook, retry_after(newest), now, in_flight)
        is_held = not delivery.webhook.is_active
        due = None if is_held else delivery.next_attempt_at
        yield Entry("waiting", "clock", waits.title, waits.why, due, is_due=due is not None)
    elif state is State.IN_FLIGHT:
        look = LOOKS[state]
        note = "the receiver has not answered yet"
        yield Entry(look.tone, look.icon, f"Attempt {delivery.attempts}: being sent", note)
    elif state in ENDED_WITHOUT_ATTEMPT and (reason := reasons.why_not_delivered(delivery)):
        look = LOOKS[state]
        yield Entry(look.tone, look.icon, reason.title.rstrip("."), when=delivery.finished_at)


def attempts(
    listed: Sequence[Attempt],
    above: int,
    *,
    is_last: bool,
    opened: Attempt | None,
    webhook: Webhook,
) -> Iterator[Entry]:
    """The attempts of a page and the numbers that left no record. `above`: the number that the
    first of them should have; `is_last`: the page on which number 1 should be."""
    for attempt in listed:
        yield from _unrecorded(attempt.number + 1, above)
        above = attempt.number - 1
        yield _of_attempt(attempt, opened, webhook)
    if is_last:
        yield from _unrecorded(1, above)


def beginnings(delivery: Delivery) -> Iterator[Entry]:
    event = delivery.event
    if delivery.is_replay:
        note = "a new delivery of the same event; the older one is kept"
        yield Entry("off", "refresh", "Replayed by hand", note, delivery.created_at)
    paths = event.differing_paths
    warned = f"warned: {paths} path{' differs' if paths == 1 else 's differ'} from the schema"
    sender = delivery.child or event.received_from  # a child's credentials are its own business
    came = f"from {sender}" if sender else ""
    note = " · ".join(filter(None, [came, warned if paths else ""]))
    title = "Test made by hand" if event.is_test else "Event accepted"
    yield Entry("off", "plus", title, note, event.ingested_at)


def _of_attempt(attempt: Attempt, opened: Attempt | None, webhook: Webhook) -> Entry:
    tone, icon = _sign(attempt)
    is_open = opened is not None and opened.pk == attempt.pk
    result = reasons.result(attempt.status, attempt.error, attempt.duration_ms)
    return Entry(
        tone,
        icon,
        f"Attempt {attempt.number}: {result}",
        " · ".join(filter(None, [duration(attempt.duration_ms), attempt.address])),
        attempt.started_at,
        attempt_id=attempt.pk,
        number=attempt.number,
        exchange=Exchange.of(opened, webhook) if opened and is_open else None,
    )


def _sign(attempt: Attempt) -> tuple[str, str]:
    status = attempt.status
    if status is None:
        if not attempt.error:
            return "ok", "check"
        return "failing", "alert" if attempt.error in ANSWERS else "cross"
    return ("ok", "check") if 200 <= status < 300 else ("failing", "alert")


def _said(attempt: Attempt) -> list[str]:
    """The line before the response's headers; a queue's word, which has none."""
    if attempt.status is not None:
        return [reasons.status_line(attempt.status)]
    if not attempt.error:
        return [f"Acknowledged: {attempt.detail}"]
    return [attempt.detail] if attempt.error in ANSWERS else []


def _unrecorded(first: int, last: int) -> Iterator[Entry]:
    if first <= last:
        which = f"Attempt {first}" if first == last else f"Attempts {first} to {last}"
        note = "a worker ended before it could note the outcome; it may have arrived"
        yield Entry("off", "off", f"{which}: no record", note)


def _request_line(attempt: Attempt, webhook: Webhook) -> list[str]:
    if webhook.updated_at > attempt.started_at:
        return []
    if webhook.webhook_type == WebhookType.QUEUE:
        return [webhook.shown_url]
    parts = urlsplit(webhook.url)
    return [f"{webhook.method} {parts.path or '/'}{'?' + parts.query if parts.query else ''}"]


def _lines(headers: str) -> list[str]:
    return [f"{name}: {value}" for name, value in _pairs(headers)]


def _pairs(headers: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in json.loads(headers or "[]")]
