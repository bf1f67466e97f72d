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

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery.enrichment.provider import Award, Customer, Found, Identifier, Till, Wanted
from delivery.enrichment.settings import Settings
from events.strict_json import dumps

ENTRIES: Final = frozenset({"enteredBy", "addedBy", "updatedBy", "createdBy"})
AWARDS: Final = frozenset({"pointsIssued", "pointsRedeemed"})
INSTORE: Final = "instore"
CARD: Final = "cardNumber"

MOST_PLACES: Final = 1_000  # objects of one payload that are looked up
MOST_GROWTH: Final = 1024 * 1024  # characters that are added to one

_ID: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

_WORDS_OF_ENTRIES: Final = tuple(f'"{name}"' for name in ENTRIES)
_WORDS_OF_AWARDS: Final = tuple(f'"{name}"' for name in AWARDS)


class TooLarge(Exception):
    """So much would have to be added that the payload goes out as it is."""


@dataclass(slots=True)
class Opened:
    """A payload that was read, and the objects of it to be filled, each with its id."""

    whole: dict[str, Any]
    data: dict[str, Any]
    entries: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    identifiers: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    award: Award | None = None


def opened(text: str, settings: Settings) -> Opened | None:
    """None when there is nothing in the payload that could be filled. Raises TooLarge."""
    if not _may_mention(text, settings):
        return None
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):  # it was checked when it came in; what is this?
        return None
    data = whole.get("data") if isinstance(whole, dict) else None
    if not isinstance(data, dict):
        return None
    payload = Opened(whole, data)
    _find(payload, entries=settings.till or settings.store, identifiers=bool(settings.sources))
    if settings.awarded_reference or settings.points_balance:
        payload.award = _award(whole, data)
    if not (payload.entries or payload.identifiers or payload.award):
        return None
    return payload


def _may_mention(text: str, settings: Settings) -> bool:
    """A look that costs a hundredth of reading it; keys may be spelled with escapes."""
    words: tuple[str, ...] = ("\\u",)
    if settings.till or settings.store:
        words += _WORDS_OF_ENTRIES
    if settings.sources:
        words += ('"customerIdentifiers"',)
    if settings.awarded_reference or settings.points_balance:
        words += _WORDS_OF_AWARDS
    return any(word in text for word in words)


def _find(payload: Opened, *, entries: bool, identifiers: bool) -> None:
    stack: list[Any] = [payload.data]
    while stack:
        value = stack.pop()
        if type(value) is list:
            stack += [inner for inner in value if type(inner) in (dict, list)]
            continue
        for key, inner in value.items():
            if type(inner) is list:
                stack.append(inner)
            elif type(inner) is dict:
                stack.append(inner)
                if entries and key in ENTRIES:
                    _note(payload.entries, inner, "id")
                elif identifiers and key == "customerIdentifiers":
                    _note(payload.identifiers, inner, "customerId")


def _note(places: list[tuple[dict[str, Any], int]], value: dict[str, Any], key: str) -> None:
    number = id_of(value.get(key))
    if number is None:
        return
    if len(places) >= MOST_PLACES:
        raise TooLarge
    places.append((value, number))


def id_of(value: object) -> int | None:
    """The id that a value of a payload is; None for what is none."""
    if type(value) is str and _ID.fullmatch(value):
        value = int(value)
    return value if type(value) is int and _LOWEST <= value <= _HIGHEST else None


def _award(whole: Mapping[str, Any], data: Mapping[str, Any]) -> Award | None:
    name = whole.get("eventName")
    if name not in AWARDS:
        return None
    return Award(str(whole.get("eventId")), name, _customer_id(data), whole)


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

    def filled(self, payload: Opened) -> str | None:
        """The text of the payload with what was found; None when nothing was, or all was there.

        Raises TooLarge.
        """
        room, has_changed = MOST_GROWTH, False
        for value, number in payload.entries:
            addition = self._till(number)
            room -= addition.characters
            if room < 0:
                raise TooLarge
            has_changed |= fill(value, addition.members)
        for value, number in payload.identifiers:
            addition = self._customer(number)
            room -= addition.characters
            if room < 0:
                raise TooLarge
            has_changed |= fill(value, addition.members)
        if payload.award is not None:
            has_changed |= fill(payload.data, self._of_award(payload.award))
        return dumps(payload.whole) if has_changed else None

    def _till(self, number: int) -> "_Addition":
        addition = self._of_till.get(number)
        if addition is None:
            till = self._found.tills.get(number)
            members = _of_till(till, self._settings) if till is not None else {}
            addition = self._of_till[number] = _Addition(members, 2_000 if members else 0)
        return addition

    def _customer(self, number: int) -> "_Addition":
        addition = self._of_customer.get(number)
        if addition is None:
            customer = self._found.customers.get(number)
            members = of_customer(customer, self._settings) if customer is not None else {}
            texts = customer.identifiers if customer is not None else ()
            characters = sum(len(i.value) + len(i.kind) + len(i.account_id) + 80 for i in texts)
            addition = self._of_customer[number] = _Addition(members, characters)
        return addition

    def _of_award(self, award: Award) -> dict[str, Any]:
        members: dict[str, Any] = {}
        if self._settings.awarded_reference:
            reference = self._found.awarded_references.get(award.event_id)
            if reference is not None:
                members["awardedReferenceId"] = reference
        if self._settings.points_balance and award.customer_id is not None:
            customer = self._found.customers.get(award.customer_id)
            if customer is not None and customer.points_balance is not None:
                members["AvailablePointsBalance"] = number_of_points(customer)
        return members


@dataclass(frozen=True, slots=True)
class _Addition:
    """`characters` is more than the members take in JSON."""

    members: dict[str, Any]
    characters: int


def fill(target: dict[str, Any], members: Mapping[str, Any]) -> bool:
    """Put what is missing into an object of the producer's. Whether anything was."""
    has_changed = False
    for key, value in members.items():
        there = target.get(key)
        if there is None or there == []:
            if there != value or key not in target:
                target[key] = value
                has_changed = True
        elif type(there) is dict and type(value) is dict:
            has_changed |= fill(there, value)
    return has_changed


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
    by_source: dict[str, list[Identifier]] = {source: [] for source in settings.sources}
    for identifier in customer.identifiers:
        if identifier.source in by_source:
            by_source[identifier.source].append(identifier)
    return {
        source: _instore(known, settings) if source == INSTORE else _accounts(known)
        for source, known in by_source.items()
    }


def _instore(known: list[Identifier], settings: Settings) -> dict[str, Any]:
    kinds: dict[str, str] = {}
    for identifier in known:
        kinds.setdefault(identifier.kind, identifier.value)
    members: dict[str, Any] = {
        kind: kinds[kind] for kind in ("mobile", "email", "externalId") if kind in kinds
    }
    if settings.card_number:
        members["cardNumbers"] = [i.value for i in known if i.kind == CARD]
    return members


def _accounts(known: list[Identifier]) -> dict[str, Any]:
    accounts: dict[str, list[dict[str, str]]] = {}
    for _, account_id, kind, value in known:
        accounts.setdefault(account_id, []).append(
            {"identifierType": kind, "identifierValue": value}
        )
    if not accounts:
        return {}
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
