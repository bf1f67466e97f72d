import datetime as dt
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from events.envelope import Envelope, parse, unwrap
from events.strict_json import loads

ORG = 1800
NOW_MS = 1_795_264_000_123
DATA = {"amount": 10}


def parsed(body: object, request_id: str = "of-the-request") -> Envelope:
    return parse(body, organization_id=ORG, request_id=request_id, now_ms=NOW_MS)


def event(**fields: Any) -> dict[str, Any]:
    return {"eventName": "customerAdded", "data": DATA, **fields}


def codes(body: object) -> dict[str, str]:
    """By field the code of the rule that is broken; none when the body is fine."""
    broken: Any = {}
    try:
        parsed(body)
    except ValidationError as error:
        broken = error.get_codes()
    return {field: codes[0] for field, codes in broken.items()}


def text(source: str) -> Envelope:
    return parsed(loads(source.encode()))


# --- What is filled in -----------------------------------------------------------------------


def test_the_least_event_is_completed() -> None:
    envelope = parsed(event())
    assert envelope.name == "customerAdded"
    assert uuid.UUID(envelope.event_id).version == 4
    assert not envelope.has_own_id
    assert envelope.ref_id == f"{ORG}_{envelope.event_id}"
    assert envelope.request_id == "of-the-request"
    assert envelope.occurred_at == dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC)
    assert json.loads(envelope.payload) == {
        "eventName": "customerAdded",
        "eventId": envelope.event_id,
        "orgId": ORG,
        "refId": envelope.ref_id,
        "apiRequestId": "of-the-request",
        "createdAt": NOW_MS,
        "data": DATA,
        "loyaltyEventId": None,
    }


def test_what_was_missing_stands_before_the_data() -> None:
    assert list(json.loads(parsed({"data": {}, "eventName": "x"}).payload)) == [
        *("eventId", "orgId", "refId", "apiRequestId", "createdAt"),
        *("data", "eventName", "loyaltyEventId"),
    ]


def test_an_event_that_says_everything_is_delivered_as_it_came() -> None:
    source = (
        '{"loyaltyEventId":7,"createdAt":1619199042493,"eventName":"customerAdded",'
        '"eventId":"06750c10-dcf1-45de-a0eb-d9c64372feed","orgId":1800,"refId":"1800_482579328",'
        '"apiRequestId":"4b6330d3e10bf660783a9ba77248c9f7","data":{"b":1,"a":[{"z":null}]},'
        '"traceAttributes":{"x":"é漢😀"},"eventLogId":"9"}'
    )
    envelope = text(source)
    assert envelope.payload == source
    assert envelope.has_own_id
    assert envelope.ref_id == "1800_482579328"
    assert envelope.request_id == "4b6330d3e10bf660783a9ba77248c9f7"


@pytest.mark.parametrize(
    "number",
    [
        *("1", "1.0", "-0", "-0.0", "0.1", "1e-07", "123456789012345678901234567890", "10.99"),
        *("1.7976931348623157e+308", "9007199254740993", "-1", "5e-324"),
    ],
)
def test_numbers_are_delivered_as_they_came(number: str) -> None:
    expected = {"-0": "0"}.get(number, number)
    assert f'"n":{expected}' in text(f'{{"eventName":"a","data":{{"n":{number}}}}}').payload


def test_null_counts_as_missing_and_keeps_its_place() -> None:
    envelope = parsed(
        event(eventId=None, orgId=None, refId=None, apiRequestId=None, createdAt=None)
    )
    payload = json.loads(envelope.payload)
    assert payload["eventId"] == envelope.event_id
    assert payload["orgId"] == ORG
    assert payload["createdAt"] == NOW_MS
    assert list(payload)[:3] == ["eventName", "eventId", "orgId"] or list(payload)[1] == "data"


@pytest.mark.parametrize(
    ("data", "entity"),
    [
        ({"transactionId": 77, "customerIdentifiers": {"customerId": 5}}, "77"),
        ({"transactionId": "T-1"}, "T-1"),
        ({"transactionId": None, "customerIdentifiers": {"customerId": 5}}, "5"),
        ({"transactionId": "", "customerIdentifiers": {"customerId": 5}}, "5"),
        ({"transactionId": True, "customerIdentifiers": {"customerId": "5"}}, "5"),
        ({"transactionId": {}, "customerIdentifiers": {"customerId": 2**40}}, str(2**40)),
        ({"customerIdentifiers": {"customerId": None}}, None),
        ({"customerIdentifiers": [5]}, None),
        ({}, None),
    ],
)
def test_the_reference_is_of_the_transaction_else_the_customer_else_the_event(
    data: dict[str, Any], entity: str | None
) -> None:
    envelope = parsed(event(data=data))
    assert envelope.ref_id == f"{ORG}_{entity or envelope.event_id}"
    assert json.loads(envelope.payload)["refId"] == envelope.ref_id


def test_a_reference_never_exceeds_its_column() -> None:
    assert len(parsed(event(data={"transactionId": "x" * 5_000})).ref_id) == 256


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"eventSearchKey": "919"}, "919"),
        ({"eventSearchKey": "data.who.id", "data": {"who": {"id": 12345678901}}}, "12345678901"),
        ({"eventSearchKey": "data.who.id", "data": {"who": {"id": "a1"}}}, "a1"),
        ({"eventSearchKey": "data.who.id", "data": {"who": {"id": True}}}, ""),
        ({"eventSearchKey": "data.who.id", "data": {"who": [1]}}, ""),
        ({"eventSearchKey": "data.who.id", "data": {}}, ""),
        ({"eventSearchKey": 919, "data": {}}, ""),
        ({"data": {"customerIdentifiers": {"instore": {"mobile": "91", "email": "a@b"}}}}, "91"),
        ({"data": {"customerIdentifiers": {"instore": {"mobile": "", "email": "a@b"}}}}, "a@b"),
        ({"data": {"customerIdentifiers": {"instore": {"externalId": "E1"}}}}, "E1"),
        ({"data": {"customerIdentifiers": {"instore": {"mobile": "9" * 201}}}}, ""),
        ({"data": {"customerIdentifiers": {"instore": []}}}, ""),
    ],
)
def test_the_feed_finds_an_event_by_its_customer(fields: dict[str, Any], key: str) -> None:
    assert parsed(event(**fields)).search_key == key


def test_the_customer_is_kept_for_the_feed() -> None:
    customer = {"customerIdentifiers": {"customerId": 482579328}}
    assert parsed(event(data=customer)).customer_id == "482579328"


# --- The moment ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_as", "written"),
    [
        ("1619199042493", 1619199042493),
        ("1.6e12", 1_600_000_000_000),
        ("1600000000000.0", 1_600_000_000_000),
        ("0", 0),
        ("253402300799999", 253402300799999),
    ],
)
def test_created_at_is_always_written_as_an_integer(given_as: str, written: int) -> None:
    envelope = text(f'{{"eventName":"a","data":{{}},"createdAt":{given_as}}}')
    assert f'"createdAt":{written},' in envelope.payload
    assert envelope.occurred_at == dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(
        milliseconds=written
    )


@pytest.mark.parametrize(
    "value", [-1, 1.5, True, "1619199042493", "2021-04-23", [], 253402300800000, 1e300, 10**400]
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    assert codes(event(createdAt=value)) == {"createdAt": "event_created_at_invalid"}


# --- The rules -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"eventName": None}, {"eventName": "event_name_missing"}),
        ({"eventName": ""}, {"eventName": "event_name_missing"}),
        ({"eventName": 5}, {"eventName": "event_name_invalid"}),
        ({"eventName": "x" * 101}, {"eventName": "event_name_invalid"}),
        ({"data": None}, {"data": "event_data_invalid"}),
        ({"data": []}, {"data": "event_data_invalid"}),
        ({"data": "{}"}, {"data": "event_data_invalid"}),
        ({"eventId": ""}, {"eventId": "event_id_invalid"}),
        ({"eventId": "x" * 129}, {"eventId": "event_id_invalid"}),
        ({"eventId": "é"}, {"eventId": "event_id_invalid"}),
        ({"eventId": "a\n"}, {"eventId": "event_id_invalid"}),
        ({"eventId": 17}, {"eventId": "event_id_invalid"}),
        ({"orgId": 1801}, {"orgId": "event_org_mismatch"}),
        ({"orgId": "1800"}, {"orgId": "event_org_mismatch"}),
        ({"orgId": True}, {"orgId": "event_org_mismatch"}),
        ({"refId": ""}, {"refId": "event_ref_invalid"}),
        ({"refId": 5}, {"refId": "event_ref_invalid"}),
        ({"refId": "x" * 257}, {"refId": "event_ref_invalid"}),
        ({"apiRequestId": "x" * 129}, {"apiRequestId": "event_request_invalid"}),
        ({"apiRequestId": {}}, {"apiRequestId": "event_request_invalid"}),
    ],
)
def test_a_broken_rule_is_named(fields: dict[str, Any], broken: dict[str, str]) -> None:
    assert codes(event(**fields)) == broken


@pytest.mark.parametrize(
    "fields",
    [
        {"eventId": "x"},
        {"eventId": " ~" * 64},
        {"orgId": ORG},
        {"orgId": float(ORG)},
        {"refId": "x" * 256},
        {"apiRequestId": "x" * 128},
        {"data": {}},
    ],
)
def test_what_is_within_the_rules_is_fine(fields: dict[str, Any]) -> None:
    assert codes(event(**fields)) == {}


def test_all_broken_rules_are_told_at_once() -> None:
    assert codes({"eventId": "", "orgId": 1, "refId": 1, "apiRequestId": 1, "createdAt": "x"}) == {
        "eventName": "event_name_missing",
        "data": "event_data_invalid",
        "eventId": "event_id_invalid",
        "orgId": "event_org_mismatch",
        "refId": "event_ref_invalid",
        "apiRequestId": "event_request_invalid",
        "createdAt": "event_created_at_invalid",
    }


@pytest.mark.parametrize("body", [None, 1, "x", [], True])
def test_an_event_is_an_object(body: object) -> None:
    with pytest.raises(ValidationError) as caught:
        parsed(body)
    assert caught.value.get_codes() == ["event_not_object"]


# --- Repetitions -----------------------------------------------------------------------------


def test_the_order_of_keys_makes_no_other_event() -> None:
    one = parsed({"eventId": "1", "eventName": "a", "data": {"x": 1, "y": {"b": 2, "a": 3}}})
    other = parsed({"data": {"y": {"a": 3, "b": 2}, "x": 1}, "eventName": "a", "eventId": "1"})
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "data", [{"x": 2}, {"x": 1.0}, {"x": "1"}, {"x": [1]}, {}, {"x": 1, "y": None}]
)
def test_another_body_is_another_event(data: dict[str, Any]) -> None:
    assert parsed(event(data={"x": 1})).digest != parsed(event(data=data)).digest


def test_what_is_filled_in_makes_no_other_event() -> None:
    one = parsed(event(eventId="1"), request_id="first")
    other = parse(event(eventId="1"), organization_id=ORG, request_id="second", now_ms=5)
    assert one.digest == other.digest


# --- Messages of a queue ---------------------------------------------------------------------


def message(event_type: object = "1800_customerAdded", **attributes: Any) -> dict[str, Any]:
    return {
        "eventId": "outer-id",
        "eventType": event_type,
        "timeStamp": 1619199042493,
        "attributes": attributes,
    }


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("1800_customerAdded", "customerAdded"),
        ("customerAdded", "customerAdded"),
        ("1800_PP_EXPIRY_JOB", "PP_EXPIRY_JOB"),
        ("PP_EXPIRY_JOB", "PP_EXPIRY_JOB"),
        ("1800_", "1800_"),
    ],
)
@pytest.mark.parametrize("is_named_inside", [True, False])
def test_both_forms_of_a_queue_message_are_unwrapped(
    event_type: str, name: str, is_named_inside: bool
) -> None:
    named = {"eventName": name} if is_named_inside else {}
    envelope = parsed(message(event_type, **named, data=DATA))
    assert (envelope.name, envelope.event_id) == (name, "outer-id")
    payload = json.loads(envelope.payload)
    assert payload["createdAt"] == 1619199042493
    assert payload["data"] == DATA
    assert not {"attributes", "eventType", "timeStamp"} & payload.keys()


def test_the_attributes_win_over_what_stands_around_them() -> None:
    body = message(eventName="customerAdded", eventId="inner-id", createdAt=7, data=DATA, trace=1)
    envelope = parsed(body | {"trace": 2, "beside": 3})
    payload = json.loads(envelope.payload)
    assert (payload["eventId"], payload["createdAt"]) == ("inner-id", 7)
    assert (payload["trace"], payload["beside"]) == (1, 3)


def test_what_comes_from_outside_stands_before_the_data() -> None:
    keys = list(json.loads(parsed(message(data=DATA)).payload))
    assert keys[-2:] == ["data", "loyaltyEventId"]


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        (message("1800_other", eventName="customerAdded", data={}), "event_type_mismatch"),
        (message("other", eventName="customerAdded", data={}), "event_type_mismatch"),
        (message("1801_customerAdded", orgId=ORG, data={}), "event_type_mismatch"),
        (message(5, eventName="customerAdded", data={}), "event_type_mismatch"),
        (message("1801_customerAdded", data={}), "event_org_mismatch"),
        (message("1801_customerAdded", orgId=1801, data={}), "event_org_mismatch"),
        (message(eventName="customerAdded"), "event_data_invalid"),
    ],
)
def test_a_message_that_contradicts_itself_is_refused(body: object, broken: str) -> None:
    assert list(codes(body).values()) == [broken]


def test_a_flat_event_may_have_keys_of_those_names() -> None:
    body = event(attributes={"a": 1}, eventType="whatever")
    assert unwrap(body) is body
    assert json.loads(parsed(body).payload)["attributes"] == {"a": 1}


def test_a_name_that_begins_with_digits_names_no_organisation() -> None:
    assert parsed(message("77_custom", eventName="77_custom", data={})).name == "77_custom"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


def codes_or_none(body: object) -> object:
    """The codes of the rules that are broken, in any form; None when the body is fine."""
    try:
        parsed(body)
    except ValidationError as error:
        return error.get_codes()
    return None


@given(
    body=st.dictionaries(
        st.sampled_from(
            [
                "eventName",
                "eventId",
                "orgId",
                "refId",
                "apiRequestId",
                "createdAt",
                "data",
                "attributes",
                "eventType",
                "timeStamp",
                "eventSearchKey",
                "loyaltyEventId",
            ]
        ),
        JSON,
    )
)
def test_every_body_is_refused_with_reasons_or_delivered_with_all_it_said(
    body: dict[str, Any],
) -> None:
    if codes_or_none(body) is not None:
        return
    envelope = parsed(body)
    payload = json.loads(envelope.payload)
    given_body = unwrap(body)
    for key, value in given_body.items():
        if value is not None:
            assert payload[key] == value
    assert (payload["orgId"], payload["eventId"]) == (ORG, envelope.event_id)
    assert isinstance(payload["createdAt"], int)
    assert 1 <= len(envelope.ref_id) <= 256
