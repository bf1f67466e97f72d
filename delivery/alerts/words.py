"""What an alert tells, in words for people: pure.

Of what was sent and answered only the status is told, never a header, a payload or a body, and of
a receiver's URL only the host: its path and query may hold credentials.
"""

import datetime as dt
import zoneinfo
from typing import NamedTuple
from urllib.parse import urlsplit

from delivery import reasons
from delivery.engine.retry import GONE
from delivery.models import Alert, AlertKind
from delivery.transport.result import ErrorClass

MASKED = "…"
MOST_SHOWN = 200

HEADLINES = {
    AlertKind.SLA_BREACHED: "delivers late",
    AlertKind.FAILING: "is failing",
    AlertKind.DEACTIVATED: "was deactivated",
    AlertKind.RECOVERED: "has recovered",
}
CONSEQUENCES = {
    AlertKind.SLA_BREACHED: "Deliveries go on, and being late changes nothing else. You are told"
    " again when it has recovered.",
    AlertKind.FAILING: "What gets no answer, or an answer of 5xx, is sent again for 24 hours; what"
    " is refused with 4xx is not. You are told again when it recovers.",
    AlertKind.DEACTIVATED: "Nothing is sent to it any more. What waits is held, and goes on if the"
    " webhook is activated within 24 hours of the event.",
    AlertKind.RECOVERED: "What waits is sent within the next minutes.",
}
ATTEMPTS = (
    "Open the page of the webhook: each attempt is there, with what was sent and what came back."
)
ADVICE = {
    AlertKind.SLA_BREACHED: "Ask who runs the receiver why it is slow or away, or give the webhook"
    " more connections.",
    AlertKind.FAILING: ATTEMPTS,
    AlertKind.DEACTIVATED: f"{ATTEMPTS} Correct what is wrong, then activate the webhook.",
    AlertKind.RECOVERED: "Nothing has to be done. What was given up meanwhile can be replayed on"
    " the page of the webhook.",
}
# What stands in reasons for pages, and is true in a mail as well.
STATUSES_WITH_ADVICE = (401, 403, 404, 405, 413, 415, 429)


class Story(NamedTuple):
    """`last_error` is empty when none is known. Every other text is a sentence or more."""

    headline: str
    reason: str
    last_error: str
    consequence: str
    advice: str


def story(alert: Alert, webhook_name: str) -> Story:
    kind = AlertKind(alert.kind)
    return Story(
        headline=f"“{plain(webhook_name)}” {HEADLINES[kind]}",
        reason=alert.reason,
        last_error=untold_error(alert),
        consequence=CONSEQUENCES[kind],
        advice=_advice(alert, kind),
    )


def last_error(alert: Alert) -> str:
    """How the last attempt ended; "" where none is known to have failed."""
    if alert.last_status is None and not alert.last_error:
        return ""
    return reasons.result(alert.last_status, alert.last_error, None)


def untold_error(alert: Alert) -> str:
    """The same; "" also where the reason tells it."""
    error = last_error(alert)
    return "" if error in alert.reason else error


def _advice(alert: Alert, kind: AlertKind) -> str:
    if kind is AlertKind.RECOVERED:
        return ADVICE[kind]
    if alert.last_status == GONE:
        return reasons.ADVICE_OF_STATUS[GONE]
    if alert.last_status in STATUSES_WITH_ADVICE:
        return f"{reasons.ADVICE_OF_STATUS[alert.last_status]} {ADVICE[kind]}"
    if alert.last_error in set(ErrorClass):
        known = reasons.ADVICE_OF_ERROR.get(ErrorClass(alert.last_error), "")
        return f"{known} {ADVICE[kind]}".strip()
    return ADVICE[kind]


def plain(text: str) -> str:
    """On one line, and without what can not be seen: fit for the header of a mail."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(visible.split())
    return line if len(line) <= MOST_SHOWN else f"{line[: MOST_SHOWN - 1]}…"


def masked_url(url: str) -> str:
    """Scheme, host and port."""
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASKED
    return f"{plain(parts.scheme)}://{plain(place)}/{MASKED}"


def moment(at: dt.datetime, zone: zoneinfo.ZoneInfo) -> str:
    """ "21 Nov 2026, 10:41:58 SGT"."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"
