"""What a till, a store or a customer looks like in a payload.

Card numbers are kept in the source `instore` only: the other sources consist of accounts, so
with them alone the setting adds nothing.
"""

from collections.abc import Iterable
from typing import Any, Final

from delivery.enrichment.provider import Customer, Identifier, Till
from delivery.enrichment.settings import Settings

INSTORE: Final = "instore"
CARD: Final = "cardNumber"

_INSTORE_KINDS: Final = ("mobile", "email", "externalId")
_NO_ACCOUNTS: Final[dict[str, Any]] = {}


def of_till(till: Till, settings: Settings) -> dict[str, Any]:
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
    members = dict.fromkeys(settings.sources, _NO_ACCOUNTS)
    instore: list[Identifier] = []
    accounts: dict[tuple[str, str], list[dict[str, str]]] = {}
    for identifier in customer.identifiers:
        source, account_id, kind, value = identifier
        if source == INSTORE:
            instore.append(identifier)
        elif source in members:
            one = {"identifierType": kind, "identifierValue": value}
            accounts.setdefault((source, account_id), []).append(one)
    for (source, account_id), known in accounts.items():
        account = {"accountId": account_id, "identifiers": known}
        if members[source]:
            members[source]["accounts"].append(account)
        else:
            members[source] = {"accounts": [account]}
    if INSTORE in members:
        members[INSTORE] = _instore(instore, settings)
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


def number_of_points(customer: Customer) -> int | float:
    """The balance as JSON has it: whole points whole, others as a double."""
    balance = customer.points_balance
    assert balance is not None  # noqa: S101  the caller looked; this tells the type checker
    whole = int(balance)
    return whole if whole == balance else float(balance)
