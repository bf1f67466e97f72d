"""Rules about single values of a custom event type. Each yields what is wrong, with its code."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import ValidationError
from rest_framework.exceptions import ValidationError as EnvelopeError

from events import json_schema
from events.catalogue import CATALOGUE
from events.envelope import parse
from events.json_text import json_text
from events.reserved import PREFIX, is_reserved

MAX_DESCRIPTION: Final = 2_000
MAX_SAMPLE_BYTES: Final = 256 * 1024

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_STANDARD: Final = {name.lower(): name for name in CATALOGUE}
_MOST_TOLD: Final = 3  # failures of a sample

Problems = Iterator[ValidationError]


def name_problems(name: str) -> Problems:
    """Its length is the column's to tell."""
    if not name:
        return
    if not _NAME.fullmatch(name):
        message = (
            "A name begins with a letter; letters, digits, “_”, “-” and “.” follow, "
            "such as reviewPosted."
        )
        yield ValidationError(message, "event_type_name_invalid")
    elif standard := _STANDARD.get(name.lower()):
        # Names are case-sensitive, people are not: a slip would go to the other type unnoticed.
        message = f"{standard} is a standard event; choose a name that is not only spelled anew."
        yield ValidationError(message, "event_type_name_reserved")
    elif is_reserved(name):
        message = f"Names that begin with “{PREFIX}” are this service's own."
        yield ValidationError(message, "event_type_name_reserved")


def group_problems(group: str) -> Problems:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in group):
        yield ValidationError("No control characters in a group.", "invalid")


def description_problems(description: str) -> Problems:
    if len(description) > MAX_DESCRIPTION:
        message = f"A description has at most {MAX_DESCRIPTION:,} characters."
        yield ValidationError(message, "max_length")


def schema_problems(schema: Any) -> Problems:
    """None is no schema: every event fits."""
    if schema is None:
        return
    if not isinstance(schema, dict):
        yield ValidationError("A JSON Schema is a JSON object.", "event_type_schema_invalid")
        return
    try:
        json_schema.check_schema(schema)
    except json_schema.SchemaError as error:
        yield ValidationError(str(error), "event_type_schema_invalid")


def sample_problems(
    sample: Any, schema: dict[str, Any] | None, name: str, organization_id: int
) -> Problems:
    """A sample is a whole event as a producer may send it: what ingest fills in may be missing.

    It has to fit the schema, for receivers build on both. None is no sample.
    """
    if sample is None:
        return
    problem = "event_type_sample_invalid"
    if not isinstance(sample, dict):
        yield ValidationError("A sample is a JSON object: a whole event.", problem)
        return
    if len(json_text(sample)) > MAX_SAMPLE_BYTES:
        yield ValidationError(f"A sample has at most {MAX_SAMPLE_BYTES // 1024} KiB.", problem)
        return
    if name and sample.get("eventName") not in (None, name):
        yield ValidationError("The sample is of another event: see its eventName.", problem)
        return
    org_id = sample.get("orgId")
    try:
        event = parse(
            {"eventName": name or "unnamed", **sample},
            organization_id=org_id if type(org_id) is int else organization_id,
            request_id="0" * 32,
            now_ms=0,
        )
    except EnvelopeError as error:
        yield ValidationError(f"Not an event: {_first(error.detail)}", problem)
        return
    for failure in json_schema.failures(schema or {}, dict(event.whole), _MOST_TOLD):
        yield ValidationError(f"Does not fit the schema: {failure.path} {failure.message}", problem)


def _first(detail: Any) -> str:
    """Of errors by field, or a list of them."""
    while isinstance(detail, dict | list):
        detail = next(iter(detail.values() if isinstance(detail, dict) else detail))
    return str(detail)
