"""Which symbolic error code a broken rule of a webhook's field has in the API."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ErrorDetail

# Codes of Django's and DRF's own rules, by field; "*" is for all that are not named. A code of
# our own rules tells enough and stays.
GENERIC = frozenset(
    {
        *("required", "null", "blank", "empty", "invalid", "invalid_choice"),
        *("max_length", "min_length", "max_value", "min_value", "not_a_list", "not_a_dict"),
    }
)
CODES: Mapping[str, Mapping[str, str]] = {
    "name": {"required": "name_missing", "blank": "name_missing", "*": "name_invalid"},
    "eventNames": {
        "required": "event_names_missing",
        "empty": "event_names_missing",
        "*": "event_names_invalid",
    },
    "webHookUrl": {"required": "url_missing", "blank": "url_missing", "*": "url_malformed"},
    "webHookType": {"*": "webhook_type_unknown"},
    "methodType": {"*": "method_unknown"},
    "webHookHeaders": {"*": "headers_invalid"},
    "maxAllowedConnections": {
        "required": "max_connections_missing",
        "min_value": "max_connections_not_positive",
        "max_value": "max_connections_too_many",
        "*": "max_connections_invalid",
    },
    "slaInSeconds": {"*": "sla_invalid"},
    "timeoutInSeconds": {"*": "timeout_invalid"},
    "customerIdentifiersToBeEnriched": {"*": "source_unknown"},
    "description": {"*": "description_invalid"},
    "filter": {"*": "filter_invalid"},
}


def symbolic(errors: Mapping[str, Any]) -> dict[str, Any]:
    """DRF's errors by field with the generic codes translated."""
    return {
        path: _translated(CODES.get(path.split(".")[0].split("[")[0], {}), detail)
        for path, detail in errors.items()
    }


def _translated(codes: Mapping[str, str], detail: Any) -> Any:
    if isinstance(detail, Mapping):
        return {key: _translated(codes, inner) for key, inner in detail.items()}
    if isinstance(detail, list):
        return [_translated(codes, inner) for inner in detail]
    code = detail.code if isinstance(detail, ErrorDetail) and detail.code else "invalid"
    if code not in GENERIC:
        return detail
    # The table's own message tells the one rule that a code stands for better than Django's.
    return (
        ErrorDetail("", codes[code])
        if code in codes
        else ErrorDetail(str(detail), codes.get("*", code))
    )
