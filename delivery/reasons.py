"""Why a delivery is where it is, in words for whoever has to do something about it: pure.

The classes of errors are those of delivery.transport.result, the rules those of
delivery.engine.retry.
"""

import datetime as dt
from http import HTTPStatus
from typing import NamedTuple

from delivery.engine.retry import GONE
from delivery.models import Delivery, State
from delivery.transport.result import ANSWERS, REFUSALS, ErrorClass
from organizations.templatetags.display import duration, number
from webhooks.models import Webhook


class Reason(NamedTuple):
    """`why` is a sentence, `advice` what to do about it; it may be empty."""

    title: str
    why: str
    advice: str = ""


RESULTS = {
    ErrorClass.DNS: "host name not found",
    ErrorClass.REFUSED: "connection refused",
    ErrorClass.RESET: "connection closed without a response",
    ErrorClass.TLS: "no secure connection",
    ErrorClass.FORBIDDEN_ADDRESS: "address not allowed",
    ErrorClass.INVALID_RESPONSE: "no valid response",
    ErrorClass.UNREACHABLE: "host not reachable",
    ErrorClass.AUTH_REFUSED: "access refused",
    ErrorClass.NOT_FOUND: "no such exchange or queue",
    ErrorClass.REJECTED: "message refused",
    ErrorClass.UNROUTABLE: "no queue took it",
    ErrorClass.UNAVAILABLE: "not available",
}

ADVICE_OF_ERROR = {
    ErrorClass.TIMEOUT: "Ask who runs the receiver why it is slow: it should answer at once and do"
    " its work afterwards.",
    ErrorClass.DNS: "Check the host name in the Webhook URL, and that its DNS entry exists.",
    ErrorClass.REFUSED: "Check host and port in the Webhook URL, and that the receiver is running"
    " and its firewall lets us in.",
    ErrorClass.RESET: "Ask who runs the receiver: it, or something before it, hung up.",
    ErrorClass.TLS: "Ask who runs the receiver to check its certificate: that it is valid, names"
    " this host, and comes with its intermediate certificates.",
    ErrorClass.FORBIDDEN_ADDRESS: "Use a Webhook URL whose host has a public address. Networks of"
    " your own can be allowed by whoever runs this service.",
    ErrorClass.INVALID_RESPONSE: "Check that the Webhook URL is that of a service of the webhook's"
    " type.",
    ErrorClass.UNREACHABLE: "Check host and port in the Webhook URL, and that the receiver can be"
    " reached from the internet.",
    ErrorClass.AUTH_REFUSED: "Check user and password in the Webhook URL, and that the user may"
    " write there.",
    ErrorClass.NOT_FOUND: "Check the names in the Webhook URL: of the virtual host, the exchange or"
    " the queue.",
    ErrorClass.REJECTED: "Read what the queue said below: the event may be too large for it, or"
    " what the Webhook URL names is of another kind.",
    ErrorClass.UNROUTABLE: "Bind a queue to the exchange, and check the routing key in the Webhook"
    " URL.",
    ErrorClass.UNAVAILABLE: "Ask who runs the queue: it may be full, starting, or out of memory.",
}

REFUSED_CONTENT = "Read the response below: the receiver did not accept the content of the event."
ADVICE_OF_STATUS = {
    400: REFUSED_CONTENT,
    401: "Its credentials are missing or no longer valid: check the headers of the webhook.",
    403: "Its credentials do not allow this: check the headers of the webhook, and whether the"
    " receiver lets our addresses in.",
    404: "There is nothing at this address: check the path in the Webhook URL.",
    405: "It does not take this method: check whether it expects POST or PUT, and the path in the"
    " Webhook URL.",
    GONE: "The receiver says for good that it is gone, and the webhook was deactivated. Correct the"
    " Webhook URL and activate it.",
    413: "The event is larger than the receiver takes: ask who runs it to raise its limit.",
    415: "It does not take this Content-Type: check the headers of the webhook.",
    422: REFUSED_CONTENT,
    429: "It was sent too much: lower Maximum allowed connections, or let the webhook replay on"
    " 429.",
}
REPLAYED = "Ask who runs the receiver what happened at the times of the attempts below."


def result(status: int | None, error: str, duration_ms: float | None) -> str:
    """How an attempt ended: "503 Service Unavailable", "no response within 30 s"."""
    if status is not None:
        return status_line(status)
    if not error and duration_ms is not None:
        return "acknowledged"
    if error == ErrorClass.TIMEOUT:
        return f"no response within {_whole_s(duration_ms)}"
    return RESULTS.get(ErrorClass(error), error) if error in set(ErrorClass) else "no response"


def brief(status: int | None, error: str, duration_ms: float | None) -> str:
    """The same in a table's cell: "503", "acknowledged", "refused"; "" before the first end."""
    if status is not None:
        return str(status)
    if error:
        return "refused" if error in ANSWERS else "no response"
    return "" if duration_ms is None else "acknowledged"


def status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def why_not_delivered(delivery: Delivery) -> Reason | None:
    """None for what is delivered or still tried."""
    last = result(delivery.last_status, delivery.last_error, delivery.last_duration_ms)
    match delivery.state:
        case State.FAILED:
            return _refused(delivery, last)
        case State.BLOCKED:
            return Reason(
                "Not sent: the address is not allowed.",
                "The Webhook URL led to an address that is not public, and no request goes there.",
                ADVICE_OF_ERROR[ErrorClass.FORBIDDEN_ADDRESS],
            )
        case State.EXPIRED:
            return _expired(delivery, last)
        case State.QUARANTINED if delivery.event.is_test:
            return Reason(
                "Unknown: the service ended while it waited for the answer.",
                "It may have arrived. A test is not sent again.",
                "Send another one.",
            )
        case State.QUARANTINED:
            return Reason(
                "Set aside: three workers ended while they sent it.",
                "It may have arrived, but no outcome could be recorded, and another try could end"
                " the next worker.",
                "Tell whoever runs this service; their log names this delivery.",
            )
        case State.CANCELLED:
            return _cancelled(delivery)
    return None


def _of_test(delivery: Delivery, last: str) -> Reason:
    """A test has one attempt, and changes nothing at the webhook."""
    status, error = delivery.last_status, delivery.last_error
    if status == GONE:
        advice = (
            "The receiver says for good that it is gone; an event would deactivate the webhook."
        )
    elif error in set(ErrorClass):
        advice = ADVICE_OF_ERROR[ErrorClass(error)]
    else:
        advice = ADVICE_OF_STATUS.get(status or 0, "Read the response below.")
    if error in REFUSALS or (status is not None and 400 <= status < 500):
        why = "An event would not be sent again after such an answer either."
        return Reason(f"The receiver refused it: {last}.", why, advice)
    why = "A test is sent once; an event would be replayed until it is delivered or expires."
    return Reason(f"Not delivered: {last}.", why, advice)


def _refused(delivery: Delivery, last: str) -> Reason:
    if delivery.event.is_test:
        return _of_test(delivery, last)
    status = delivery.last_status
    error = ErrorClass(delivery.last_error) if delivery.last_error in REFUSALS else None
    kind = "Such a refusal" if error else "An answer of 4xx"
    why = f"{kind} is final: sending it again would not help, so it was not."
    if delivery.attempts > 1:
        why += f" It was attempt {number(delivery.attempts)}."
    default = "Read the response below, and ask who runs the receiver."
    advice = ADVICE_OF_ERROR[error] if error else ADVICE_OF_STATUS.get(status or 0, default)
    return Reason(f"The receiver refused it: {last}.", why, advice)


def _expired(delivery: Delivery, last: str) -> Reason:
    tried_for = duration((delivery.expires_at - delivery.created_at) / dt.timedelta(milliseconds=1))
    if not delivery.attempts:
        return Reason(
            f"Never sent: its {tried_for} ran out.",
            "The webhook was deactivated, or its receiver was failing, or too much waited before"
            " it.",
            "Look at the webhook: activate it, or give it more connections.",
        )
    times = "once" if delivery.attempts == 1 else f"{number(delivery.attempts)} times"
    error = ErrorClass(delivery.last_error) if delivery.last_error in set(ErrorClass) else None
    return Reason(
        f"Given up after {tried_for}: {last}.",
        f"It was tried {times} without success; this is how the last attempt ended.",
        ADVICE_OF_ERROR[error] if error else REPLAYED,
    )


def _cancelled(delivery: Delivery) -> Reason:
    if delivery.webhook.deleted_at is not None:
        return Reason("Cancelled: the webhook was deleted.", "Nothing is sent to it any more.")
    return Reason("Cancelled.", "Somebody ended it by hand; it is not sent any more.")


def why_waiting(
    delivery: Delivery, webhook: Webhook, retry_after: str, now: dt.datetime, in_flight: int
) -> Reason:
    """When the next attempt is made (`title`) and why not now, of a delivery that waits.

    `retry_after` is what the receiver asked for last, `in_flight` how many requests the webhook
    has on their way.
    """
    if webhook.deleted_at is not None:
        return Reason("No further attempt", "the webhook was deleted")
    if webhook.deactivated_at is not None:
        return Reason("Held", "the webhook is deactivated; it goes on when that is activated")
    due = delivery.next_attempt_at or now
    health = getattr(webhook, "health", None)
    if health is not None and health.open_until and health.open_until > max(due, now):
        failures = f"{number(health.failures)} failures in a row"
        return Reason(
            f"Next attempt {_within(health.open_until, now)}",
            f"the receiver is given a rest after {failures}",
        )
    if due > now:
        why = (
            f"the receiver asked to wait: Retry-After {retry_after}"
            if retry_after
            else "the waits grow with the attempts, up to 15 min"
        )
        return Reason(f"Next attempt {_within(due, now)}", why)
    if in_flight >= webhook.max_connections:
        most = webhook.max_connections
        taken = f"all {number(most)} connections are" if most > 1 else "its one connection is"
        return Reason("Next attempt as soon as there is a free connection", f"{taken} in use")
    return Reason("Next attempt now", "it is due, and its turn comes")


def _within(moment: dt.datetime, now: dt.datetime) -> str:
    seconds = round((moment - now).total_seconds())
    if seconds < 1:
        return "now"
    return f"in {seconds} s" if seconds < 60 else f"in {duration(seconds * 1000)}"


def _whole_s(duration_ms: float | None) -> str:
    return "the timeout" if duration_ms is None else f"{max(round(duration_ms / 1000), 1)} s"
