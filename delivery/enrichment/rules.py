"""What is added to a payload, and where. Decided here alone, from what a provider found.

    till, store        every enteredBy, addedBy, updatedBy, createdBy object of `data` with an id
    sources, cards     every customerIdentifiers object of `data` with a customerId
    awarded reference,
    points balance     `data` itself, of pointsIssued and pointsRedeemed

What the producer sent wins, at every depth: a key that is there stays, with the two exceptions
that say nothing and so are filled, `null` and `[]`. An empty text is a text. New keys come after
the producer's. An id is a whole number of 64 bits or the digits of one; whatever else stands
there, and ids that nobody knows, are left alone.

Card numbers are kept in the source `instore` only: the other sources consist of accounts, so
with them alone the setting adds nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery.enrichment.provider import Award, Customer, Found, Identifier, Till, Wanted
from delivery.enrichment.settings import Settings
from delivery.enrichment.text import (
    Edit,
    Place,
    data_of,
    edited,
    filling,
    key_of,
    members_beside,
    objects_of,
)

AWARDS: Final = frozenset({"pointsIssued", "pointsRedeemed"})
INSTORE: Final = "instore"
CARD: Final = "cardNumber"
REFERENCE: Final = "awardedReferenceId"
BALANCE: Final = "AvailablePointsBalance"

MOST_PLACES: Final = 1_000  # objects of one payload that are looked up
MOST_GROWTH: Final = 1024 * 1024  # characters that are added to one

_INSTORE_KINDS: Final = ("mobile", "email", "externalId")
_NO_ACCOUNTS: Final[dict[str, Any]] = {}
_IDENTIFIERS: Final = "customerIdentifiers"
_KEYS: Final = key_of(["enteredBy", "addedBy", "updatedBy", "createdBy", _IDENTIFIERS])
_WORDS_OF_AWARDS: Final = tuple(f'"{name}"' for name in AWARDS)
_ID: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class TooLarge(Exception):
    """So much would have to be added that the payload goes out as it is."""


@dataclass(slots=True)
class Opened:
    """A payload, and the objects of it to be filled, each with its id."""

    text: str
    data: Place
    entries: list[tuple[Place, int]] = field(default_factory=list)
    identifiers: list[tuple[Place, int]] = field(default_factory=list)
    award: Award | None = None


def opened(text: str, settings: Settings) -> Opened | None:
    """None when there is nothing in the payload that could be filled. Raises TooLarge."""
    try:
        data = data_of(text)
        if data is None:
            return None
        payload = Opened(text, data)
        if settings.till or settings.store or settings.sources:
            _find_places(payload, settings)
        if settings.awarded_reference or settings.points_balance:
            payload.award = _award(payload)
        payload.data = _without_depth(payload.data)
    except (ValueError, RecursionError):  # it was checked when it came in; what is it?
        return None
    if not (payload.entries or payload.identifiers or payload.award):
        return None
    return payload


def _without_depth(data: Place) -> Place:
    """What is needed of it later. Trees of many payloads at once would cost room, and time."""
    names = [name for name in (REFERENCE, BALANCE) if name in data.value]
    return data._replace(value={name: data.value[name] for name in names})


def _find_places(payload: Opened, settings: Settings) -> None:
    has_entries, has_identifiers = settings.till or settings.store, bool(settings.sources)
    for name, place in objects_of(payload.text, payload.data, _KEYS):
        if name == _IDENTIFIERS:
            if has_identifiers:
                _note(payload.identifiers, place, place.value.get("customerId"))
        elif has_entries:
            _note(payload.entries, place, place.value.get("id"))


def _note(places: list[tuple[Place, int]], place: Place, value: object) -> None:
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


def _award(payload: Opened) -> Award | None:
    if not any(word in payload.text for word in _WORDS_OF_AWARDS):
        return None
    data = payload.data.value
    event = members_beside(payload.text, payload.data)
    if event.get("eventName") not in AWARDS:
        return None
    listed = _object(data.get("triggeringActivity")).get("identifiers")
    identifiers = map(_object, listed if isinstance(listed, list) else ())
    return Award(
        event_id=str(event.get("eventId")),
        event_name=event["eventName"],
        customer_id=_customer_id(data),
        identifiers={i["key"]: i.get("value") for i in identifiers if type(i.get("key")) is str},
        redemption_summary_id=data.get("redemptionSummaryId"),
        loyalty_event_id=data.get("loyaltyEventId") or event.get("loyaltyEventId"),
    )


def _customer_id(data: Mapping[str, Any]) -> int | None:
    """Whose balance it is: the customer whom the event names, else the user it is about, else
    the one whose doing set it off (a member of a group)."""
    activity = _object(data.get("triggeringActivity"))
    about = (data.get("entityInformation"), activity.get("entityInformation"))
    users = (
        user.get("entityId") for user in map(_object, about) if user.get("entityType") == "USER"
    )
    named = _object(data.get("customerIdentifiers")).get("customerId")
    return next((number for one in (named, *users) if (number := id_of(one)) is not None), None)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


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
        edits: list[Edit] = []
        for place, addition in additions:
            if addition.members:
                edits += filling(payload.text, place, addition.members)
        if payload.award is not None:
            edits += filling(payload.text, payload.data, self._award(payload.award))
        return edited(payload.text, edits) if edits else payload.text

    def _till(self, number: int) -> "_Addition":
        addition = self._of_till.get(number)
        if addition is None:
            till = self._found.tills.get(number)
            members = _of_till(till, self._settings) if till is not None else {}
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


@dataclass(frozen=True, slots=True)
class _Addition:
    """`characters` is more than the members take in JSON."""

    members: dict[str, Any]
    characters: int


def _of_till(till: Till, settings: Settings) -> dict[str, Any]:
    members: dict[str, Any] = {}
    if settings.till:
        members["till"] = {"id": till.till_id, "code": till.code, "name": till.name}
    if settings.store and till.store is not None:
        store = till.store
        members["store"] = {
            "id": store.store_id,
            "code": store.code,
            "name": store.name,
            "externalId": store.external_id,
            "externalId1": store.external_id_1,
            "externalId2": store.external_id_2,
        }
    return members


def of_customer(customer: Customer, settings: Settings) -> dict[str, Any]:
    """Every selected source; one without identifiers is `{}`."""
    by_source: dict[str, list[Identifier]] = {}
    for identifier in customer.identifiers:
        by_source.setdefault(identifier.source, []).append(identifier)
    members = dict.fromkeys(settings.sources, _NO_ACCOUNTS)
    for source in members:
        if source == INSTORE:
            members[source] = _instore(by_source.get(source, ()), settings)
        elif source in by_source:
            members[source] = _accounts(by_source[source])
    return members


def _instore(known: Iterable[Identifier], settings: Settings) -> dict[str, Any]:
    kinds: dict[str, str] = {}
    cards: list[str] = []
    for _, _, kind, value in known:
        if kind == CARD:
            cards.append(value)
        else:
            kinds.setdefault(kind, value)
    members: dict[str, Any] = {kind: kinds[kind] for kind in _INSTORE_KINDS if kind in kinds}
    if settings.card_number:
        members["cardNumbers"] = cards
    return members


def _accounts(known: list[Identifier]) -> dict[str, Any]:
    accounts: dict[str, list[dict[str, str]]] = {}
    for _, account_id, kind, value in known:
        accounts.setdefault(account_id, []).append(
            {"identifierType": kind, "identifierValue": value}
        )
    return {
        "accounts": [
            {"accountId": account_id, "identifiers": identifiers}
            for account_id, identifiers in accounts.items()
        ]
    }


def number_of_points(customer: Customer) -> int | float:
    """The balance as JSON has it: whole points whole, others as a double."""
    balance = customer.points_balance
    assert balance is not None  # noqa: S101  the caller looked; this tells the type checker
    whole = int(balance)
    return whole if whole == balance else float(balance)
