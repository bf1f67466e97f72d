"""All that enrichment does not add stays byte for byte."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.enrichment.differences import ADDED, differences
from events.payload_lines import payload_lines
from tests.delivery.enrichment.facts import (
    CUSTOMER_ID,
    EVERYTHING,
    FOUND,
    TILL_ID,
    event,
    filled,
)

SAMPLES = sorted((Path(__file__).parents[3] / "events" / "samples").glob("*.json"))


def removed(enriched: str, *added: str) -> str:
    for piece in added:
        assert piece in enriched
        enriched = enriched.replace(piece, "")
    return enriched


def test_numbers_order_and_texts_survive() -> None:
    text = (
        '{"z":1.0,"big":123456789012345678901234567890,"e":0.1,'
        '"data":{"b":1.1,"a":-0.0,"enteredBy":{"id":75152721,"x":"é\\u0001/"},"é":"☃"},'
        '"tail":[1.5]}'
    )
    enriched = filled(text, EVERYTHING)
    start, end = enriched.index(',"till":{'), enriched.index('},"é"')
    assert enriched[:start] + enriched[end:] == text


def test_empty_objects_are_filled() -> None:
    customer = {"customerId": CUSTOMER_ID, "instore": {}}
    enriched = json.loads(filled(event({"customerIdentifiers": customer}), EVERYTHING))
    assert enriched["data"]["customerIdentifiers"]["instore"]["mobile"] == "919009535723"


@pytest.mark.parametrize(
    "hostile",
    [
        '"enteredBy":{"id":%d}',
        ',"enteredBy":{"id":%d}',
        '{"enteredBy":{"id":%d}}',
        '\\"enteredBy":{"id":%d}',
        '"data":{"enteredBy":{"id":%d}}',
    ],
)
def test_texts_and_keys_that_look_like_places_are_none(hostile: str) -> None:
    trap = hostile % TILL_ID
    text = event({trap: trap, "list": [trap]}, **{trap: trap})
    assert filled(text, EVERYTHING) == text


def test_data_is_found_behind_another_data() -> None:
    trace = {"data": {"enteredBy": {"id": TILL_ID}}}
    data = {"enteredBy": {"id": TILL_ID}}
    text = json.dumps({"trace": trace, "list": [trace], "data": data, "later": trace})
    enriched = json.loads(filled(text, EVERYTHING))
    assert (enriched["trace"], enriched["later"]) == (trace, trace)
    assert set(enriched["data"]["enteredBy"]) == {"id", "till", "store"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_keeps_its_lines(sample: Path) -> None:
    text = sample.read_text()
    text = re.sub(r'"customerId": ?\d+', f'"customerId":{CUSTOMER_ID}', text)
    text = re.sub(r'("\w+By": ?{\s*"id": ?)\d+', rf"\g<1>{TILL_ID}", text)
    enriched = filled(text, EVERYTHING)
    lines = differences(payload_lines(text).lines, payload_lines(enriched).lines)
    kept = [line for line in lines if line.kind != ADDED]
    assert [line.text.rstrip(",") for line in kept] == [
        line.rstrip(",") for line in payload_lines(text).lines
    ]
    assert json.loads(enriched).keys() == json.loads(text).keys()


KEYS = ["enteredBy", "createdBy", "customerIdentifiers", "instore", "till", "id", "customerId", "x"]
LEAVES = st.one_of(
    st.none(),
    st.sampled_from([TILL_ID, CUSTOMER_ID, 1.5, "text", '"enteredBy":{', [], {}]),
)
TREES: Any = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)


def keeps(before: Any, after: Any) -> bool:
    """Whether all that was there, but for what says nothing, still is."""
    if before is None or before == []:
        return True
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            key in after and keeps(value, after[key]) for key, value in before.items()
        )
    if isinstance(before, list):
        return len(before) == len(after) and all(map(keeps, before, after))
    return type(before) is type(after) and before == after


@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6), st.sampled_from([None, 1]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_enriched_is_json_that_keeps_what_was_sent(
    data: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps({"eventName": "pointsIssued", "eventId": "E1", "data": data}, indent=indent)
    enriched = filled(text, EVERYTHING, FOUND)
    assert keeps(json.loads(text), json.loads(enriched))
    assert json.loads(enriched)["data"]["awardedReferenceId"] == "w1CZds"
    assert filled(enriched, EVERYTHING, FOUND) == enriched
