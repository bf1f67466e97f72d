"""How the state of a delivery looks: an icon, a word and a colour, everywhere the same."""

from typing import NamedTuple

from delivery.models import State


class Look(NamedTuple):
    """`tone` is one of ok, waiting, failing, off; `icon` a sign of static/icons.svg."""

    tone: str
    icon: str
    word: str


LOOKS = {
    State.PENDING: Look("waiting", "clock", "Pending"),
    State.IN_FLIGHT: Look("waiting", "send", "Sending"),
    State.RETRYING: Look("waiting", "refresh", "Retrying"),
    State.DELIVERED: Look("ok", "check", "Delivered"),
    State.FAILED: Look("failing", "cross", "Failed"),
    State.BLOCKED: Look("failing", "cross", "Blocked"),
    State.EXPIRED: Look("failing", "alert", "Expired"),
    State.QUARANTINED: Look("failing", "alert", "Quarantined"),
    State.CANCELLED: Look("off", "off", "Cancelled"),
}
