"""What is added to a payload, and where. Decided here alone, from what a provider found.

    till, store        every enteredBy, addedBy, updatedBy, createdBy object of `data` with an id
    sources, cards     every customerIdentifiers object of `data` with a customerId
    awarded reference,
    points balance     `data` itself, of pointsIssued and pointsRedeemed

What the producer sent wins, at every depth: a key that is there stays, with the two exceptions
that say nothing and so are filled, `null` and `[]`. An empty text is a text. New keys come after
the producer's. An id is a whole number of 64 bits or the digits of one; whatever else stands
there, and ids that nobody knows, are left alone.

A payload is stored as compact JSON and written anew as such: what is not added stays byte for
byte, but for a number with an exponent, whose sign and zeros may go (`1e+16` as `1e16`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from delivery.enrichment.members import number_of_points, of_customer, of_till
from delivery.enrichment.provider import Award, Found, Wanted
from delivery.enrichment.settings import Settings

Json = dict[str, Any]

AWARDS: Final = frozenset({"pointsIssued", "pointsRedeemed"})
REFERENCE: Final = "awardedReferenceId"
BALANCE: Final = "AvailablePointsBalance"

MOST_PLACES: Final = 1_000  # objects of one payload that are looked up
MOST_GROWTH: Final = 1024 * 1024  # characters that are added to one

_IDENTIFIERS: Final = "customerIdentifiers"
_ENTRIES: Final = frozenset({"enteredBy", "addedBy", "updatedBy", "createdBy"})
_MENTIONED: Final = re.compile("|".join(f'"{name}"' for name in (*_ENTRIES, _IDENTIFIERS, *AWARDS)))
_NOT_THERE: Final = object()
_NOTHING: Final[Json] = {}
# Integers of any size stay exact, and it takes a quarter of the time of `json`.
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_ID: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class TooLarge(Exception):
    """So much would have to be added that the payload goes out as it is."""


@dataclass(slots=True)
class Opened:
    """A payload as it was and as it is read, and the objects of it to be filled with their ids."""

    text: str
    event: Json
    entries: list[tuple[Json, int]] = field(default_factory=list)
    identifiers: list[tuple[Json, int]] = field(default_factory=list)
    award: Award | None = None


def opened(text: str, settings: Settings) -> Opened | None:
    """None when there is nothing in the payload that could be filled. Raises TooLarge."""
    if not _MENTIONED.search(text):
        return None
    try:
        event = _decode(text)
    except (msgspec.DecodeError, RecursionError):  # it was checked when it came in; what is it?
        return None
    data = event.get("data") if isinstance(event, dict) else None
    if not isinstance(data, dict):
        return None
    payload = Opened(text, event)
    if settings.till or settings.store or settings.sources:
        _find_places(payload, data, settings)
    if (settings.awarded_reference or settings.points_balance) and event.get("eventName") in AWARDS:
        payload.award = _award(event, data)
    if not (payload.entries or payload.identifiers or payload.award):
        return None
    return payload


def _find_places(payload: Opened, data: Json, settings: Settings) -> None:
    has_entries, has_identifiers = settings.till or settings.store, bool(settings.sources)
    waiting = [data]
    for value in waiting:  # which grows meanwhile
        for name, member in value.items():
            kind = type(member)
            if kind is dict:
                waiting.append(member)
                if name == _IDENTIFIERS:
                    if has_identifiers:
                        _note(payload.identifiers, member, member.get("customerId"))
                elif has_entries and name in _ENTRIES:
                    _note(payload.entries, member, member.get("id"))
            elif kind is list and member:
                waiting += _objects_in(member)


def _objects_in(values: list[Any]) -> list[Json]:
    found: list[Json] = []
    for value in values:
        if type(value) is dict:
            found.append(value)
        elif type(value) is list:
            found += _objects_in(value)
    return found


def _note(places: list[tuple[Json, int]], place: Json, value: object) -> None:
    number = id_of(value)
    if number is None:
        return
    if len(places) >= MOST_PLACES:
        raise TooLarge
    places.append((place, number))


def id_of(value: object) -> int | None:
    """The id that a value of a payload is; None for what is none."""
    if type(value) is str and _ID.fullmatch(value):
        value = int(value)
    return value if type(value) is int and _LOWEST <= value <= _HIGHEST else None


def _award(event: Json, data: Json) -> Award:
    listed = _object(data.get("triggeringActivity")).get("identifiers")
    return Award(
        event_id=str(event.get("eventId")),
        event_name=event["eventName"],
        customer_id=_customer_id(data),
        identifiers={
            one["key"]: one.get("value")
            for one in (listed if type(listed) is list else ())
            if type(one) is dict and type(one.get("key")) is str
        },
        redemption_summary_id=data.get("redemptionSummaryId"),
        loyalty_event_id=data.get("loyaltyEventId") or event.get("loyaltyEventId"),
    )


def _customer_id(data: Json) -> int | None:
    """Whose balance it is: the customer whom the event names, else the user it is about, else
    the one whose doing set it off (a member of a group)."""
    number = id_of(_object(data.get(_IDENTIFIERS)).get("customerId"))
    if number is None:
        number = _user_of(data)
    return _user_of(_object(data.get("triggeringActivity"))) if number is None else number


def _user_of(place: Mapping[str, Any]) -> int | None:
    about = _object(place.get("entityInformation"))
    return id_of(about.get("entityId")) if about.get("entityType") == "USER" else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict else _NOTHING


def wanted(payloads: Iterable[Opened], settings: Settings) -> Wanted:
    till_ids: set[int] = set()
    customer_ids: set[int] = set()
    awards: list[Award] = []
    for payload in payloads:
        till_ids.update(number for _, number in payload.entries)
        customer_ids.update(number for _, number in payload.identifiers)
        if payload.award is not None:
            if settings.awarded_reference:
                awards.append(payload.award)
            if settings.points_balance and payload.award.customer_id is not None:
                customer_ids.add(payload.award.customer_id)
    return Wanted(frozenset(till_ids), frozenset(customer_ids), settings.sources, awards)


class Filling:
    """Fills the payloads of one batch; what is added for an id is made once."""

    def __init__(self, found: Found, settings: Settings) -> None:
        self._found = found
        self._settings = settings
        self._of_till: dict[int, _Addition] = {}
        self._of_customer: dict[int, _Addition] = {}

    def filled(self, payload: Opened) -> str:
        """The payload with what was found, where it was not there. Raises TooLarge."""
        additions = [(place, self._till(number)) for place, number in payload.entries]
        additions += [(place, self._customer(number)) for place, number in payload.identifiers]
        if sum(addition.characters for _, addition in additions) > MOST_GROWTH:
            raise TooLarge
        is_changed = False
        for place, addition in additions:
            is_changed |= _fill(place, addition.members)
        if payload.award is not None:
            is_changed |= _fill(payload.event["data"], self._award(payload.award))
        return _encode(payload.event).decode() if is_changed else payload.text

    def _till(self, number: int) -> "_Addition":
        addition = self._of_till.get(number)
        if addition is None:
            till = self._found.tills.get(number)
            members = of_till(till, self._settings) if till is not None else {}
            # Names and codes are of 200 characters at most.
            addition = self._of_till[number] = _Addition(members, 2_000 if members else 0)
        return addition

    def _customer(self, number: int) -> "_Addition":
        addition = self._of_customer.get(number)
        if addition is None:
            customer = self._found.customers.get(number)
            members, characters = {}, 0
            if customer is not None:
                members = of_customer(customer, self._settings)
                characters = 300 + sum(
                    len(value) + len(kind) + len(account_id) + 80
                    for _, account_id, kind, value in customer.identifiers
                )
            addition = self._of_customer[number] = _Addition(members, characters)
        return addition

    def _award(self, award: Award) -> dict[str, Any]:
        members: dict[str, Any] = {}
        if self._settings.awarded_reference:
            reference = self._found.awarded_references.get(award.event_id)
            if reference is not None:
                members[REFERENCE] = reference
        if self._settings.points_balance and award.customer_id is not None:
            customer = self._found.customers.get(award.customer_id)
            if customer is not None and customer.points_balance is not None:
                members[BALANCE] = number_of_points(customer)
        return members


def _fill(there: Json, additions: Mapping[str, Any]) -> bool:
    """Put into an object what it has not yet. Whether it had not all of it.

    What is added is shared by all the objects that get it, and never changed afterwards.
    """
    is_changed = False
    for key, value in additions.items():
        held = there.get(key, _NOT_THERE)
        if held is _NOT_THERE or held is None or held == []:
            if held != value:
                there[key] = value
                is_changed = True
        elif type(held) is dict and type(value) is dict:
            is_changed |= _fill(held, value)
    return is_changed


class _Addition(NamedTuple):
    """`characters` is more than the members take in JSON."""

    members: dict[str, Any]
    characters: int
