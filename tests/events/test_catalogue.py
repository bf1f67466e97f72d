"""The standard event types: their schemas stand alone and fit what producers really send."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from events import catalogue
from events.catalogue import CATALOGUE, CatalogueEntry

NAMES = list(CATALOGUE)
# Bodies gathered from producers; they are no part of the project.
FOUND = Path(__file__).parents[3] / "shared" / "spec" / "events"
needs_found = pytest.mark.skipif(
    not FOUND.is_dir(), reason=f"the gathered event bodies are not beside the checkout ({FOUND})"
)
# A body whose producer spells the name of the type with a small letter.
OTHER_SPELLING = {"issuedalternateCurrenciesReversed": "issuedAlternateCurrenciesReversed"}


def found_bodies() -> list[Path]:
    return sorted([*FOUND.glob("samples/*.json"), *FOUND.glob("all-fields/*.json")])


def read_body(path: Path) -> dict[str, Any]:
    """The event in the file; one of the files holds it within an API's answer."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if set(content) == {"data", "errors", "warnings"}:
        return dict(content["data"])
    return content


def walk(value: Any) -> Any:
    yield value
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from walk(member)


def paths(name: str, event: object) -> list[str]:
    return [failure.path for failure in catalogue.standard_validator(name).failures(event)]


def test_there_are_78_types_in_12_or_more_groups() -> None:
    assert len(CATALOGUE) == len(set(NAMES)) == 78
    assert len({entry.group for entry in CATALOGUE.values()}) >= 12


def test_every_description_says_something_of_its_own() -> None:
    descriptions = [entry.description for entry in CATALOGUE.values()]
    assert len(set(descriptions)) == 78
    assert all(20 < len(text) < 160 and text.endswith(".") for text in descriptions)


def test_every_file_belongs_to_a_type_or_is_referred_to() -> None:
    folder = Path(catalogue.__file__).parent
    assert {path.stem for path in (folder / "samples").iterdir()} == set(NAMES)
    schemas = {path.stem for path in (folder / "schemas").glob("*.json")}
    assert schemas == {*NAMES, "commonEvent"}
    texts = "".join(path.read_text() for path in (folder / "schemas").rglob("*.json"))
    unused = [p.name for p in (folder / "schemas/internal").iterdir() if p.name not in texts]
    assert unused == []


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_stands_alone_and_names_its_type(name: str) -> None:
    schema = catalogue.standard_schema(name)
    assert not any(isinstance(value, dict) and "$ref" in value for value in walk(schema))
    assert schema["$schema"] == "http://json-schema.org/draft-06/schema#"
    assert [schema["name"], schema["group"], schema["description"]] == [
        name,
        CATALOGUE[name].group,
        CATALOGUE[name].description,
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_a_whole_envelope_that_fits_its_schema(name: str) -> None:
    sample = catalogue.standard_sample(name)
    assert catalogue.standard_validator(name).failures(sample) == []
    assert list(sample)[:8] == [
        "eventName",
        "eventId",
        "orgId",
        "refId",
        "apiRequestId",
        "createdAt",
        "data",
        "loyaltyEventId",
    ]
    assert sample["eventName"] == name
    assert sample["refId"].startswith(f"{sample['orgId']}_")


def test_no_two_samples_are_the_same_event() -> None:
    assert len({catalogue.standard_sample(name)["eventId"] for name in NAMES}) == 78


@needs_found
def test_the_catalogue_lists_the_types_as_documented() -> None:
    documented = json.loads((FOUND / "catalogue.json").read_text())
    entries = [(entry.name, entry.group) for entry in CATALOGUE.values()]
    assert entries == [(entry["eventName"], entry["group"]) for entry in documented]


@needs_found
@pytest.mark.parametrize("path", found_bodies(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_body_that_was_really_sent_fits_its_schema(path: Path) -> None:
    event = read_body(path)
    name = OTHER_SPELLING.get(event["eventName"], event["eventName"])
    assert name == path.stem
    assert catalogue.standard_validator(name).failures(event) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_event_may_carry_more_than_the_schema_knows(name: str) -> None:
    event = catalogue.standard_sample(name)
    event["madeUp"] = {"a": [1]}
    for value in list(walk(event)):
        if isinstance(value, dict):
            value["anotherNewField"] = "x"
    assert catalogue.standard_validator(name).accepts(event)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_needs_no_more_of_the_envelope_than_name_and_data(name: str) -> None:
    sample = catalogue.standard_sample(name)
    event = {"eventName": name, "data": sample["data"]}
    assert catalogue.standard_validator(name).accepts(event)
    assert paths(name, {"data": sample["data"]}) == ["eventName"]
    assert paths(name, {"eventName": name}) == ["data"]


@pytest.mark.parametrize("name", NAMES)
def test_data_of_the_wrong_type_and_a_foreign_name_are_reported(name: str) -> None:
    event = {**catalogue.standard_sample(name), "data": [], "eventName": "somethingElse"}
    assert {"data", "eventName"} <= set(paths(name, event))


@pytest.mark.parametrize("name", NAMES)
def test_an_event_without_its_customer_is_reported_where_all_have_one(name: str) -> None:
    required = catalogue.standard_schema(name)["properties"]["data"].get("required", [])
    if "customerIdentifiers" not in required:
        return
    event = catalogue.standard_sample(name)
    event["data"]["customerIdentifiers"] = {"instore": {}}
    assert "data.customerIdentifiers.customerId" in paths(name, event)
    del event["data"]["customerIdentifiers"]
    assert paths(name, event) == ["data.customerIdentifiers"]


def test_most_types_ask_for_a_customer() -> None:
    asking = [
        name
        for name in NAMES
        if "customerIdentifiers"
        in catalogue.standard_schema(name)["properties"]["data"].get("required", [])
    ]
    assert len(asking) > 50


@pytest.mark.parametrize(
    ("name", "changed", "path"),
    [
        ("transactionAdded", {"amount": "450"}, "data.amount"),
        ("transactionAdded", {"transactionId": 1.5}, "data.transactionId"),
        ("transactionAdded", {"customFields": [{"key": 1}]}, "data.customFields[0].key"),
        ("pointsIssued", {"promisedPointsIssued": [{}, 7]}, "data.promisedPointsIssued[1]"),
        ("tierUpgraded", {"upgradedTierNumber": "2"}, "data.upgradedTierNumber"),
        ("cardUpdated", {"cardNumber": None}, "data.cardNumber"),
        ("communicationMessageUndelivered", {"errorCode": 550}, "data.errorCode"),
    ],
)
def test_a_value_of_the_wrong_type_is_reported_at_its_place(
    name: str, changed: dict[str, Any], path: str
) -> None:
    event = catalogue.standard_sample(name)
    event["data"].update(changed)
    assert paths(name, event) == [path]


@pytest.mark.parametrize(
    ("name", "missing", "path"),
    [
        ("transactionAdded", "transactionId", "data.transactionId"),
        ("groupCreated", "groupId", "data.groupId"),
        ("rewardIssued", "rewardId", "data.rewardId"),
        ("loyaltyCustomerMerge", "victimCustomerIdentifiers", "data.victimCustomerIdentifiers"),
    ],
)
def test_a_missing_identifier_is_reported_where_it_should_be(
    name: str, missing: str, path: str
) -> None:
    event = catalogue.standard_sample(name)
    del event["data"][missing]
    assert paths(name, event) == [path]


def test_a_group_may_spend_points_instead_of_a_customer() -> None:
    event = catalogue.standard_sample("pointsRedeemed")
    event["data"].pop("customerIdentifiers", None)
    event["data"]["entityInformation"] = {"entityType": "USERGROUP2", "entityId": 3957188}
    assert paths("pointsRedeemed", event) == []
    del event["data"]["entityInformation"]
    (failure,) = catalogue.standard_validator("pointsRedeemed").failures(event)
    assert failure.path == "data"
    assert "customerIdentifiers is missing" in failure.message


@pytest.mark.parametrize("amount", [1, 1.0, 1.25, -3, 10**20])
def test_amounts_may_be_whole_or_not(amount: float) -> None:
    event = catalogue.standard_sample("transactionAdded")
    event["data"]["amount"] = amount
    assert paths("transactionAdded", event) == []


def test_identifiers_may_be_larger_than_any_machine_integer() -> None:
    event = catalogue.standard_sample("transactionAdded")
    event["data"]["transactionId"] = event["orgId"] = 2**70
    assert paths("transactionAdded", event) == []


def test_the_trigger_of_an_event_is_free() -> None:
    event = catalogue.standard_sample("pointsIssued")
    event["data"]["triggeringActivity"] = {
        "name": "SomethingNew",
        "identifiers": [{"key": "returnId", "value": 17}],
        "additionalAttributes": {},
    }
    assert paths("pointsIssued", event) == []


def test_the_reason_of_an_undelivered_message_is_one_of_a_list() -> None:
    event = catalogue.standard_sample("communicationMessageUndelivered")
    event["data"]["deliveryFailureStatus"] = "LOST"
    assert paths("communicationMessageUndelivered", event) == ["data.deliveryFailureStatus"]


def test_bulk_coupons_take_any_data() -> None:
    event = {"eventName": "IssueBulkCoupon", "data": {"whatever": [1, None]}}
    assert paths("IssueBulkCoupon", event) == []


def test_what_is_handed_out_can_be_changed_without_harm() -> None:
    schema, sample = (
        catalogue.standard_schema("pointsIssued"),
        catalogue.standard_sample("pointsIssued"),
    )
    before = copy.deepcopy((schema, sample))
    schema["properties"].clear()
    sample["data"].clear()
    again = catalogue.standard_schema("pointsIssued"), catalogue.standard_sample("pointsIssued")
    assert again == before


def test_parts_shared_by_types_are_not_shared_objects() -> None:
    schema = catalogue.standard_schema("pointsTransferredInitiated")
    data = schema["properties"]["data"]["properties"]
    data["customerIdentifiers"]["required"].append("x")
    assert data["transferReceivingCustomerIdentifiers"]["required"] == ["customerId"]


def test_the_text_of_a_sample_keeps_the_spelling_of_numbers() -> None:
    text = catalogue.standard_sample_text("transactionAdded")
    assert '"grossAmount": 500.0' in text
    assert '"lineItemCount": 2,' in text


@pytest.mark.parametrize("name", ["nope", "commonEvent", "../catalogue", "TransactionAdded", ""])
def test_an_unknown_name_is_a_key_error(name: str) -> None:
    assert name not in CATALOGUE
    for ask in (
        CATALOGUE.__getitem__,
        catalogue.standard_schema,
        catalogue.standard_sample,
        catalogue.standard_sample_text,
        catalogue.standard_validator,
    ):
        with pytest.raises(KeyError):
            ask(name)


def test_an_entry_can_not_be_changed() -> None:
    entry = CATALOGUE["customerAdded"]
    assert isinstance(entry, CatalogueEntry)
    with pytest.raises(AttributeError):
        entry.name = "x"  # type: ignore[misc] # what is tested
    with pytest.raises(TypeError):
        CATALOGUE["x"] = entry  # type: ignore[index] # what is tested


def test_the_validator_of_a_type_is_compiled_once() -> None:
    first = catalogue.standard_validator("tierUpgraded")
    assert catalogue.standard_validator("tierUpgraded") is first
