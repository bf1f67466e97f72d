import json
from decimal import Decimal
from typing import Any

import pytest

from delivery.enrichment import rules
from delivery.enrichment.provider import Customer, Found, Till
from delivery.enrichment.rules import TooLarge, id_of, opened, wanted
from delivery.enrichment.settings import Settings
from tests.delivery.enrichment.facts import (
    CARDS,
    CUSTOMER,
    CUSTOMER_ID,
    EVERYTHING,
    FOUND,
    INSTORE_MEMBER,
    OTHER_SOURCES,
    STORE_MEMBER,
    TILL,
    TILL_ID,
    TILL_MEMBER,
    WECHAT_MEMBER,
    data_after,
    event,
    filled,
)

INSTORE = Settings(sources=("instore",))
CARD = Settings(sources=("instore",), card_number=True)


def of_customer(settings: Settings, **sent: Any) -> dict[str, Any]:
    """What becomes of `customerIdentifiers` with the customer's id and what else was sent."""
    identifiers = {"customerId": CUSTOMER_ID, **sent}
    found: dict[str, Any] = data_after({"customerIdentifiers": identifiers}, settings)
    return found["customerIdentifiers"]  # type: ignore[no-any-return]


def of_till(settings: Settings, **sent: Any) -> dict[str, Any]:
    found: dict[str, Any] = data_after({"enteredBy": {"id": TILL_ID, **sent}}, settings)
    return found["enteredBy"]  # type: ignore[no-any-return]


# --- tills and stores


@pytest.mark.parametrize("key", ["enteredBy", "addedBy", "updatedBy", "createdBy"])
def test_till_and_store_are_added_wherever_somebody_did_something(key: str) -> None:
    with_both = {"id": TILL_ID, "till": TILL_MEMBER, "store": STORE_MEMBER}
    data = {key: {"id": TILL_ID}, "deep": [{"list": [{key: {"id": TILL_ID}}]}]}
    assert data_after(data, Settings(till=True, store=True)) == {
        key: with_both,
        "deep": [{"list": [{key: with_both}]}],
    }


def test_only_what_was_chosen_is_added() -> None:
    assert of_till(Settings(till=True)) == {"id": TILL_ID, "till": TILL_MEMBER}
    assert of_till(Settings(store=True)) == {"id": TILL_ID, "store": STORE_MEMBER}
    assert of_till(INSTORE) == {"id": TILL_ID}


def test_a_till_of_no_known_store_gets_none() -> None:
    text = event({"enteredBy": {"id": 1}})
    found = Found({1: Till(1, "a", "A")})
    enriched = json.loads(filled(text, Settings(till=True, store=True), found))
    assert enriched["data"] == {"enteredBy": {"id": 1, "till": {"id": 1, "code": "a", "name": "A"}}}


def test_nested_objects_are_each_enriched() -> None:
    inner = {"id": TILL_ID, "createdBy": {"id": TILL_ID}}
    enriched = data_after({"updatedBy": inner}, Settings(till=True))["updatedBy"]
    assert enriched["till"] == TILL_MEMBER
    assert enriched["createdBy"] == {"id": TILL_ID, "till": TILL_MEMBER}


def test_what_stands_beside_data_is_left_alone() -> None:
    beside = {"enteredBy": {"id": TILL_ID}, "customerIdentifiers": {"customerId": CUSTOMER_ID}}
    before = json.dumps({"traceAttributes": beside, "data": {}, **beside})
    assert filled(before, EVERYTHING) == before


# --- sources of identifiers


def test_instore_has_mobile_email_and_external_id() -> None:
    assert of_customer(INSTORE)["instore"] == INSTORE_MEMBER


def test_another_source_has_its_accounts() -> None:
    assert of_customer(Settings(sources=("wechat",))) == {
        "customerId": CUSTOMER_ID,
        "wechat": WECHAT_MEMBER,
    }


@pytest.mark.parametrize("source", [key for key in OTHER_SOURCES if key != "wechat"])
def test_a_source_without_identifiers_is_empty(source: str) -> None:
    settings = Settings(sources=("instore", source))
    assert of_customer(settings)[source] == {}
    assert list(of_customer(settings)) == ["customerId", "instore", source]


def test_card_numbers_are_all_in_instore() -> None:
    assert of_customer(CARD)["instore"] == {**INSTORE_MEMBER, "cardNumbers": CARDS}


def test_without_cards_the_list_is_empty_and_other_sources_have_none() -> None:
    text = event({"customerIdentifiers": {"customerId": 1}})
    settings = Settings(sources=("instore", "line"), card_number=True)
    enriched = json.loads(filled(text, settings, Found(customers={1: Customer()})))
    assert enriched["data"]["customerIdentifiers"] == {
        "customerId": 1,
        "instore": {"cardNumbers": []},
        "line": {},
    }


# --- issues and redemptions of points


@pytest.mark.parametrize("name", ["pointsIssued", "pointsRedeemed"])
def test_issues_and_redemptions_get_their_reference_and_the_balance(name: str) -> None:
    data = {"customerIdentifiers": {"customerId": CUSTOMER_ID}, "points": 12.50}
    settings = Settings(awarded_reference=True, points_balance=True)
    assert data_after(data, settings, name) == {
        **data,
        "awardedReferenceId": "w1CZds",
        "AvailablePointsBalance": 1240.5,
    }
    assert data_after(data, Settings(points_balance=True), name) == {
        **data,
        "AvailablePointsBalance": 1240.5,
    }


def test_other_events_get_neither() -> None:
    data = {"customerIdentifiers": {"customerId": CUSTOMER_ID}}
    settings = Settings(awarded_reference=True, points_balance=True)
    assert data_after(data, settings, "issuedPointsReversed") == data


@pytest.mark.parametrize(
    ("balance", "number"),
    [
        ("0", "0"),
        ("1200.0000", "1200"),
        ("-3.25", "-3.25"),
        ("0.0001", "0.0001"),
        ("9999999999999999.0000", "9999999999999999"),
    ],
)
def test_the_balance_is_a_number(balance: str, number: str) -> None:
    text = event({"customerIdentifiers": {"customerId": 1}}, "pointsIssued")
    found = Found(customers={1: Customer(points_balance=Decimal(balance))})
    enriched = filled(text, Settings(points_balance=True), found)
    assert enriched.endswith(f'"AvailablePointsBalance":{number}}}}}')


def test_a_balance_that_is_not_known_is_not_there() -> None:
    text = event({"customerIdentifiers": {"customerId": 1}}, "pointsIssued")
    assert filled(text, Settings(points_balance=True), Found(customers={1: Customer()})) == text


def user(number: int) -> dict[str, Any]:
    return {"entityType": "USER", "entityId": number}


@pytest.mark.parametrize(
    ("data", "customer_id"),
    [
        ({"customerIdentifiers": {"customerId": 1}, "entityInformation": user(2)}, 1),
        ({"entityInformation": user(2)}, 2),
        (
            {
                "entityInformation": {"entityType": "USERGROUP2", "entityId": 3957188},
                "triggeringActivity": {"entityInformation": user(3)},
            },
            3,
        ),
        ({"entityInformation": {"entityType": "USERGROUP2", "entityId": 4}}, None),
        ({"entityInformation": [user(2)], "triggeringActivity": "x"}, None),
    ],
)
def test_the_balance_is_of_the_customer_whom_the_event_is_about(
    data: dict[str, Any], customer_id: int | None
) -> None:
    payload = opened(event(data, "pointsRedeemed"), Settings(points_balance=True))
    assert payload is not None
    assert payload.award is not None
    assert payload.award.customer_id == customer_id


# --- the producer wins


def test_what_the_producer_sent_stays_and_what_is_missing_is_added_to_it() -> None:
    assert of_till(Settings(till=True, store=True), till={"code": "mine"}, store="none") == {
        "id": TILL_ID,
        "till": {"code": "mine", "id": TILL_ID, "name": "Till 1, Orchard"},
        "store": "none",
    }


def test_a_text_wins_even_if_it_is_empty() -> None:
    enriched = of_customer(CARD, instore={"mobile": "", "cardNumbers": ["own"]})
    assert enriched["instore"] == {
        "mobile": "",
        "cardNumbers": ["own"],
        "email": "member35723@example.com",
        "externalId": "ext-535723",
    }


@pytest.mark.parametrize("nothing", [None, []])
def test_null_and_an_empty_list_say_nothing_and_are_filled(nothing: Any) -> None:
    enriched = of_customer(CARD, instore={"cardNumbers": nothing, "email": None}, wechat=nothing)
    assert list(enriched["instore"].items()) == [
        ("cardNumbers", CARDS),
        ("email", "member35723@example.com"),
        ("mobile", "919009535723"),
        ("externalId", "ext-535723"),
    ]
    assert enriched["wechat"] == nothing  # not chosen


def test_accounts_of_the_producer_stay_as_a_whole() -> None:
    own = {"accounts": [{"accountId": "own", "identifiers": []}]}
    assert of_customer(Settings(sources=("wechat",)), wechat=own)["wechat"] == own


@pytest.mark.parametrize("sent", [0, "", False, "own", {"a": 1}])
def test_a_reference_and_a_balance_that_were_sent_stay(sent: Any) -> None:
    data = {
        "customerIdentifiers": {"customerId": CUSTOMER_ID},
        "awardedReferenceId": sent,
        "AvailablePointsBalance": sent,
    }
    settings = Settings(awarded_reference=True, points_balance=True)
    assert data_after(data, settings, "pointsIssued") == data


def test_a_reference_that_was_sent_as_null_is_filled_in_its_place() -> None:
    data = {"awardedReferenceId": None, "points": 1}
    enriched = data_after(data, Settings(awarded_reference=True), "pointsIssued")
    assert list(enriched.items()) == [("awardedReferenceId", "w1CZds"), ("points", 1)]


# --- what is nobody's, and what is hostile


def test_unknown_ids_leave_the_payload_as_it_is() -> None:
    text = event(
        {"enteredBy": {"id": 1}, "customerIdentifiers": {"customerId": 2}}, "pointsRedeemed"
    )
    assert filled(text, EVERYTHING, Found()) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (75152721, 75152721),
        (-1, -1),
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        ("482579328", 482579328),
        ("-1", -1),
        (2**63, None),
        (str(2**63), None),
        (10**399, None),
        (True, None),
        (False, None),
        (1.0, None),
        (None, None),
        ("", None),
        ("007", None),
        ("+1", None),
        ("1 ", None),
        ("1\n", None),
        ("٣", None),
        ("1e3", None),
        ([1], None),
        ({"id": 1}, None),
    ],
)
def test_an_id_is_a_whole_number_that_fits_or_its_digits(value: Any, number: int | None) -> None:
    assert id_of(value) == number


@pytest.mark.parametrize(
    "odd",
    [
        {"enteredBy": [{"id": TILL_ID}]},
        {"enteredBy": TILL_ID},
        {"enteredBy": "x"},
        {"enteredBy": {"id": {"id": {}}}},
        {"customerIdentifiers": [[]]},
        {"customerIdentifiers": {}},
        {"customerIdentifiers": {"customerId": True, "instore": 1}},
        {"triggeringActivity": {"identifiers": {"key": "redemptionId"}}},
        {"triggeringActivity": {"identifiers": [1, None, {"key": ["redemptionId"]}]}},
        {},
    ],
)
def test_odd_payloads_come_out_as_they_went_in(odd: dict[str, Any]) -> None:
    text = event(odd, "pointsRedeemed")
    assert filled(text, EVERYTHING, Found(FOUND.tills, FOUND.customers)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"data":[]}',
        '{"data":null}',
        '"data"',
        '{"data":{"a":}}',
        "[" * 9_999,
    ],
)
def test_what_is_no_event_comes_out_as_it_went_in(text: str) -> None:
    assert opened(text, EVERYTHING) is None


def test_deep_payloads_are_harmless() -> None:
    nested = '{"enteredBy":' * 60 + f'{{"id":{TILL_ID}}}' + "}" * 60
    enriched = filled(f'{{"data":{nested}}}', EVERYTHING)
    assert enriched.count('"till":{') == 1
    endless = '{"data":' + '{"a":' * 50_000 + "1" + "}" * 50_001
    assert opened(endless, EVERYTHING) is None


def test_more_places_than_can_be_looked_up_are_too_many() -> None:
    many = [{"enteredBy": {"id": number}} for number in range(rules.MOST_PLACES + 1)]
    with pytest.raises(TooLarge):
        opened(event({"items": many}), Settings(till=True))


def test_a_payload_does_not_grow_without_bounds() -> None:
    many = [{"customerIdentifiers": {"customerId": 1}} for _ in range(rules.MOST_PLACES)]
    large = Customer([CUSTOMER.identifiers[3]._replace(value=f"{n:0200}") for n in range(10)])
    with pytest.raises(TooLarge):
        filled(event({"items": many}), CARD, Found(customers={1: large}))


def test_a_batch_wants_each_id_once() -> None:
    settings = Settings(till=True, sources=("line",), points_balance=True)
    data = {"enteredBy": {"id": 1}, "customerIdentifiers": {"customerId": 2}}
    texts = [event(data), event(data), event({"entityInformation": user(3)}, "pointsIssued")]
    payloads = [payload for text in texts if (payload := opened(text, settings))]
    wishes = wanted(payloads, settings)
    assert wishes.till_ids == frozenset({1})
    assert wishes.customer_ids == frozenset({2, 3})
    assert (wishes.sources, wishes.awards) == (("line",), [])


def test_nothing_is_wanted_for_settings_that_do_not_need_it() -> None:
    data = {"enteredBy": {"id": 1}, "customerIdentifiers": {"customerId": 2}}
    assert opened(event(data), Settings(points_balance=True)) is None
    payload = opened(event(data), Settings(store=True))
    assert payload is not None
    assert wanted([payload], Settings(store=True)).customer_ids == frozenset()


def test_what_was_found_is_shared_and_never_changed() -> None:
    text = event({"enteredBy": {"id": TILL_ID}, "addedBy": {"id": TILL_ID, "till": {"code": "x"}}})
    filling = rules.Filling(FOUND, Settings(till=True))
    once, again = opened(text, Settings(till=True)), opened(text, Settings(till=True))
    assert once is not None
    assert again is not None
    assert filling.filled(once) == filling.filled(again)
    assert TILL.code == "sin.orchard.till1"
