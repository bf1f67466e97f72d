"""What is known of a till, its store and a customer, and payloads that mention them."""

import json
from decimal import Decimal
from typing import Any

from delivery.enrichment.provider import Customer, Found, Identifier, Store, Till
from delivery.enrichment.rules import Filling, opened
from delivery.enrichment.settings import Settings
from organizations.sources import PAYLOAD_KEYS

TILL_ID, CUSTOMER_ID = 75152721, 482579328
OTHER_SOURCES = [key for key in PAYLOAD_KEYS.values() if key != "instore"]

STORE = Store(50001, "sin.orchard", "Orchard Singapore", "st-22201")
TILL = Till(TILL_ID, "sin.orchard.till1", "Till 1, Orchard", STORE)
CUSTOMER = Customer(
    [
        Identifier("instore", "", "mobile", "919009535723"),
        Identifier("instore", "", "email", "member35723@example.com"),
        Identifier("instore", "", "externalId", "ext-535723"),
        Identifier("instore", "", "cardNumber", "8800-1204-0031"),
        Identifier("instore", "", "cardNumber", "8800-1204-0195"),
        Identifier("wechat", "tamarind", "openId", "o-77b1"),
        Identifier("wechat", "tamarind", "unionId", "u-e2d4"),
        Identifier("wechat", "second", "openId", "o-0002"),
    ],
    Decimal("1240.5000"),
)
FOUND = Found({TILL_ID: TILL}, {CUSTOMER_ID: CUSTOMER}, {"E1": "w1CZds"})

TILL_MEMBER = {"id": TILL_ID, "code": "sin.orchard.till1", "name": "Till 1, Orchard"}
STORE_MEMBER = {
    "id": 50001,
    "code": "sin.orchard",
    "name": "Orchard Singapore",
    "externalId": "st-22201",
    "externalId1": "",
    "externalId2": "",
}
INSTORE_MEMBER = {
    "mobile": "919009535723",
    "email": "member35723@example.com",
    "externalId": "ext-535723",
}
CARDS = ["8800-1204-0031", "8800-1204-0195"]
WECHAT_MEMBER = {
    "accounts": [
        {
            "accountId": "tamarind",
            "identifiers": [
                {"identifierType": "openId", "identifierValue": "o-77b1"},
                {"identifierType": "unionId", "identifierValue": "u-e2d4"},
            ],
        },
        {
            "accountId": "second",
            "identifiers": [{"identifierType": "openId", "identifierValue": "o-0002"}],
        },
    ]
}
EVERYTHING = Settings(
    till=True,
    store=True,
    sources=tuple(PAYLOAD_KEYS.values()),
    card_number=True,
    awarded_reference=True,
    points_balance=True,
)


def event(data: Any, name: str = "transactionAdded", **further: Any) -> str:
    """A payload as it is stored: compact."""
    whole = {"eventName": name, "eventId": "E1", "orgId": 7, "data": data, **further}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def filled(text: str, settings: Settings, found: Found = FOUND) -> str:
    payload = opened(text, settings)
    return text if payload is None else Filling(found, settings).filled(payload)


def data_after(data: Any, settings: Settings, name: str = "transactionAdded") -> Any:
    """The event's `data` when it is enriched."""
    return json.loads(filled(event(data, name), settings))["data"]
