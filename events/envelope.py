"""The flat envelope: what a producer sends, checked, and completed to what receivers get."""

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from events.strict_json import dumps

MAX_ID = 128
MAX_REF = 256
MAX_NAME = 100
MAX_SEARCH_KEY = 200
MAX_CUSTOMER_ID = 64
MAX_CREATED_AT_MS = 253_402_300_799_999  # the last millisecond of the year 9999

_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,128}")
_QUEUE_KEYS = frozenset({"eventId", "eventType", "timeStamp", "attributes"})
_FILLED_IN = ("eventName", "eventId", "orgId", "refId", "apiRequestId", "createdAt")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event that was understood. `payload` is the whole text for receivers.

    `digest` is of what the producer sent, whatever the order of its keys. `has_own_id` tells
    whether the producer chose the event id, and so whether it may be a repetition.
    """

    name: str
    event_id: str
    has_own_id: bool
    ref_id: str
    request_id: str
    occurred_at: dt.datetime
    search_key: str
    customer_id: str
    digest: str
    payload: str
    whole: Mapping[str, Any]


def parse(body: object, *, organization_id: int, request_id: str, now_ms: int) -> Envelope:
    """Check one event and fill in what the producer left out.

    Raises rest_framework's ValidationError that names every broken rule. Whether the organisation
    knows the event type, and whether `data` fits its schema, is not looked at here.
    """
    given = unwrap(body)
    created_at_ms = _created_at_ms(given.get("createdAt"), now_ms)
    errors = {
        field: [ErrorDetail(message, code=code)]
        for field, code, message, is_broken in _rules(given, organization_id, created_at_ms)
        if is_broken
    }
    if errors:
        raise ValidationError(errors)

    data: Mapping[str, Any] = given["data"]
    has_own_id = given.get("eventId") is not None
    event_id = given["eventId"] if has_own_id else str(uuid.uuid4())
    customer_id = _customer_id(data)
    filled = {
        "eventName": given["eventName"],
        "eventId": event_id,
        "orgId": organization_id,
        "refId": given.get("refId")
        or f"{organization_id}_{_entity(data, customer_id) or event_id}"[:MAX_REF],
        "apiRequestId": given.get("apiRequestId") or request_id,
        "createdAt": created_at_ms,
    }
    whole = _completed(given, filled)
    return Envelope(
        name=given["eventName"],
        event_id=event_id,
        has_own_id=has_own_id,
        ref_id=str(filled["refId"]),
        request_id=str(filled["apiRequestId"]),
        occurred_at=dt.datetime.fromtimestamp(0, dt.UTC)
        + dt.timedelta(milliseconds=created_at_ms or 0),
        search_key=_search_key(given, data),
        customer_id=customer_id,
        digest=_digest(given),
        payload=dumps(whole),
        whole=whole,
    )


def _rules(
    given: Mapping[str, Any], organization_id: int, created_at_ms: int | None
) -> Iterator[tuple[str, str, str, bool]]:
    """Field, symbolic code, message and whether it is broken, of every rule of the envelope."""
    name, event_id, org_id = given.get("eventName"), given.get("eventId"), given.get("orgId")
    is_missing = name in (None, "")
    yield "eventName", "event_name_missing", "eventName is missing.", is_missing
    if not is_missing:
        message = "eventName is the name of an event type."
        yield "eventName", "event_name_invalid", message, not _is_text(name, MAX_NAME)
    message = "data must be a JSON object."
    yield "data", "event_data_invalid", message, not isinstance(given.get("data"), dict)
    message = f"eventId is 1 to {MAX_ID} printable ASCII characters."
    is_odd = not (isinstance(event_id, str) and _PRINTABLE.fullmatch(event_id))
    yield "eventId", "event_id_invalid", message, event_id is not None and is_odd
    message = "orgId is not the organization of the credential."
    is_other = isinstance(org_id, bool) or org_id != organization_id
    yield "orgId", "event_org_mismatch", message, org_id is not None and is_other
    for field, code, longest in (
        ("refId", "event_ref_invalid", MAX_REF),
        ("apiRequestId", "event_request_invalid", MAX_ID),
    ):
        value = given.get(field)
        message = f"{field} is 1 to {longest} characters."
        yield field, code, message, value is not None and not _is_text(value, longest)
    message = "createdAt is in epoch milliseconds."
    yield "createdAt", "event_created_at_invalid", message, created_at_ms is None


def unwrap(body: object) -> Mapping[str, Any]:
    """The flat envelope inside a message of the platform's queue; a flat one as it is.

    In a queue message the envelope is `attributes`, the type may be `<orgId>_<eventName>`, and
    keys beside it are kept. Raises ValidationError for what is no object.
    """
    if not isinstance(body, dict):
        raise ValidationError([ErrorDetail("An event is a JSON object.", code="event_not_object")])
    attributes = body.get("attributes")
    if not isinstance(attributes, dict) or "eventType" not in body or "data" in body:
        return body
    flat = dict(attributes)
    event_type = body["eventType"]
    name = flat.get("eventName")
    if not _type_fits(event_type, name, flat.get("orgId")):
        message = "eventType does not name the event of the attributes."
        raise ValidationError({"eventType": [ErrorDetail(message, code="event_type_mismatch")]})
    org_id, type_name = _type_parts(event_type)
    outer = {
        "eventName": type_name,
        "eventId": body.get("eventId"),
        "orgId": None if event_type == name else org_id,  # a name may begin with digits
        "createdAt": body.get("timeStamp"),
    }
    told = {k: v for k, v in outer.items() if v is not None and flat.get(k) is None}
    flat = told | {key: value for key, value in flat.items() if key not in told}
    beside = body.keys() - _QUEUE_KEYS - flat.keys()
    return flat | {key: value for key, value in body.items() if key in beside}


def _type_parts(event_type: str) -> tuple[int | None, str]:
    prefix, _, rest = event_type.partition("_")
    return (int(prefix[:30]), rest) if prefix.isdecimal() and rest else (None, event_type)


def _type_fits(event_type: object, name: object, org_id: object) -> bool:
    if not isinstance(event_type, str):
        return False
    type_org_id, type_name = _type_parts(event_type)
    if name == event_type or type_org_id is None:
        return name in (None, event_type)
    return name in (None, type_name) and org_id in (None, type_org_id)


def _completed(given: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """The producer's keys in the producer's order; what was missing stands before `data`."""
    whole: dict[str, Any] = {}
    for key, value in given.items():
        if key == "data":
            whole.update({name: filled[name] for name in _FILLED_IN if given.get(name) is None})
        whole[key] = filled.get(key, value)
    whole.setdefault("loyaltyEventId", None)
    return whole


def _created_at_ms(value: object, now_ms: int) -> int | None:
    """An integer, also for 1.6e12; None for what is no moment."""
    if value is None:
        return now_ms
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value) if 0 <= value <= MAX_CREATED_AT_MS else None


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def _entity(data: Mapping[str, Any], customer_id: str) -> str:
    """What the event is about: its transaction, else its customer; "" if neither is told."""
    transaction_id = data.get("transactionId")
    if isinstance(transaction_id, str | int) and not isinstance(transaction_id, bool):
        return str(transaction_id) or customer_id
    return customer_id


def _customer(data: Mapping[str, Any]) -> Mapping[str, Any]:
    identifiers = data.get("customerIdentifiers")
    return identifiers if isinstance(identifiers, dict) else {}


def _customer_id(data: Mapping[str, Any]) -> str:
    customer_id = _customer(data).get("customerId")
    if not isinstance(customer_id, str | int) or isinstance(customer_id, bool):
        return ""
    text = str(customer_id)
    return text if len(text) <= MAX_CUSTOMER_ID else ""


def _search_key(given: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What the feed finds the customer by: the producer's key, else one from the shop.

    A key such as `data.customerIdentifiers.customerId` says where in the event it stands.
    """
    instore = _customer(data).get("instore")
    key = given.get("eventSearchKey")
    if isinstance(key, str) and key.startswith("data."):
        key = _at(given, key)
    candidates = [key]
    if isinstance(instore, dict):
        candidates += [instore.get(kind) for kind in ("mobile", "email", "externalId")]
    return next((str(c) for c in candidates if _is_text(c, MAX_SEARCH_KEY)), "")


def _at(given: Mapping[str, Any], path: str) -> str | None:
    """The text or whole number at the end of the path; None when there is none."""
    found: Any = given
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found)


def _digest(given: Mapping[str, Any]) -> str:
    return hashlib.blake2b(_SORTED.encode(given).encode(), digest_size=16).hexdigest()
