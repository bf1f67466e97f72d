"""Publishes events through the API as a producer does: copies of a template, in batches."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import ValidationError

from events import strict_json
from events.client import Answer, Client
from events.envelope import unwrap

INGEST_PATH = "/v3/events"
MOST_EVENTS = 1_000  # in one request
LONGEST_WAIT_S = 60
# Where a sample comes from is not where its copies go to: the API fills these in.
OF_ANOTHER = frozenset({"orgId", "refId", "apiRequestId", "createdAt"})

Event = dict[str, Any]


class NoTemplate(Exception):
    """The text is no event of that name."""


class NotPublished(Exception):
    """The API took nothing of a batch, for a reason that is not the events'."""


@dataclass(frozen=True)
class Published:
    """What became of one batch. `reason` tells about those that were rejected."""

    event_ids: tuple[str, ...]
    accepted: int
    duplicate: int
    rejected: int
    reason: str
    duration_ms: float


def template_of_sample(sample: Mapping[str, Any]) -> Event:
    return {key: value for key, value in sample.items() if key not in OF_ANOTHER}


def template_of_text(name: str, text: bytes) -> Event:
    """Of an event in its envelope (the queue's too), or of its `data` alone. Raises NoTemplate."""
    try:
        body = strict_json.loads(text)
    except strict_json.StrictJSONError as error:
        place = f" at {error.path}" if error.path else ""
        raise NoTemplate(f"{error.message}{place}") from None
    if not isinstance(body, dict):
        raise NoTemplate("An event is a JSON object.")
    try:
        flat = dict(unwrap(body))
    except ValidationError:
        raise NoTemplate("eventType does not name the event of the attributes.") from None
    if "eventName" not in flat and "data" not in flat:
        return {"eventName": name, "data": flat}
    if flat.get("eventName") not in (None, name):
        raise NoTemplate(f"It is an event of another type: {str(flat['eventName'])[:100]}.")
    return {**flat, "eventName": name}


def fresh(template: Event) -> Event:
    """A copy that happens now, unless the template tells another time, with an id of its own."""
    event = {"eventName": template["eventName"], "eventId": str(uuid.uuid4())}
    if template.get("createdAt") is None:
        event["createdAt"] = int(time.time() * 1000)
    return event | {key: value for key, value in template.items() if key not in event}


def batches(template: Event, count: int, max_bytes: int) -> Iterator[list[Event]]:
    """`count` fresh copies, as many in each batch as one request may hold."""
    size = len(strict_json.dumps(fresh(template)).encode()) + 1
    in_one = max(1, min(MOST_EVENTS, (max_bytes - 2) // size))
    for begin in range(0, count, in_one):
        yield [fresh(template) for _ in range(min(in_one, count - begin))]


def publish(
    client: Client, events: Sequence[Event], *, sleep: Callable[[float], object] = time.sleep
) -> Published:
    """Publish a batch, a single event as such. Waits up to a minute while the API is throttled.

    Raises NotPublished and events.client.NoAnswer.
    """
    body = strict_json.dumps(events[0] if len(events) == 1 else list(events)).encode()
    waited_s = 0
    while True:
        answer = client.post(INGEST_PATH, body)
        wait_s = max(1, answer.retry_after_s or LONGEST_WAIT_S)
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS or waited_s + wait_s > LONGEST_WAIT_S:
            break
        sleep(wait_s)
        waited_s += wait_s
    event_ids = tuple(str(event["eventId"]) for event in events)
    if answer.is_success:
        return _counted(answer, event_ids)
    if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT}:
        return Published(event_ids, 0, 0, len(events), answer.reason, answer.duration_ms)
    raise NotPublished(_refusal(client, answer, len(body)))


def _counted(answer: Answer, event_ids: tuple[str, ...]) -> Published:
    fates = answer.data if isinstance(answer.data, list) else [answer.data]
    states = [fate["status"] for fate in fates]
    errors = [error for fate in fates for error in fate.get("errors") or ()]
    return Published(
        event_ids=event_ids,
        accepted=states.count("accepted"),
        duplicate=states.count("duplicate"),
        rejected=states.count("rejected"),
        reason=" ".join(dict.fromkeys(error["message"] for error in errors)),
        duration_ms=answer.duration_ms,
    )


def _refusal(client: Client, answer: Answer, size_bytes: int) -> str:
    told: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: f"The code {client.code!r} or its password is wrong.",
        HTTPStatus.FORBIDDEN: f"The credential {client.code!r} may not publish events"
        " (its right is Events).",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"{size_bytes} bytes are too much.",
        HTTPStatus.TOO_MANY_REQUESTS: "Too many events in a short time; try again in"
        f" {answer.retry_after_s or LONGEST_WAIT_S} s.",
    }
    explained = told.get(answer.status, f"The API answers {answer.status}.")
    is_more = answer.reason and answer.status != HTTPStatus.TOO_MANY_REQUESTS
    return f"{explained} {answer.reason}" if is_more else explained
