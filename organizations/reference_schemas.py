"""What an array of reference data in JSON looks like, for the API page."""

from typing import Any

from organizations.reference_elements import (
    NAMES,
    NUMBERS,
    POINTS,
    SEVERAL,
    columns_of,
)
from organizations.reference_formats import FORMATS, INSTORE, Column
from organizations.sources import PAYLOAD_KEYS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ACCOUNTS: Schema = {
    "type": "object",
    "nullable": True,
    "description": "All that the customer is known by there.",
    "properties": {
        "accounts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["accountId"],
                "properties": {
                    "accountId": TEXT,
                    "identifiers": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["identifierType", "identifierValue"],
                            "properties": {"identifierType": TEXT, "identifierValue": TEXT},
                        },
                    },
                },
            },
        }
    },
}


def schema_of(kind: str, most: int) -> Schema:
    properties: dict[str, Schema] = {}
    required = []
    for column in columns_of(FORMATS[kind]):
        name = NAMES[kind][column.name]
        outer, _, inner = name.rpartition(".")
        into = properties
        if outer:
            into = properties.setdefault(outer, {"type": "object", "properties": {}})["properties"]
        into[inner] = _type(column)
        if column.required:
            required.append(name)
    if kind == "customers":
        properties |= {key: ACCOUNTS for key in PAYLOAD_KEYS.values() if key != INSTORE}
    element = {"type": "object", "required": required, "properties": properties}
    return {"type": "array", "minItems": 1, "maxItems": most, "items": element}


def _type(column: Column) -> Schema:
    told: Schema = {"description": column.description}
    if not column.required:
        told["nullable"] = True
    if column.name in SEVERAL:
        return {**told, "type": "array", "items": TEXT}
    if column.name in NUMBERS:
        return {**told, "type": "integer", "format": "int64", "example": int(column.example)}
    kind = "number" if column.name == POINTS else "string"
    return {**told, "type": kind, **({"example": column.example} if column.example else {})}
