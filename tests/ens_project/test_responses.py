import json
from typing import Any

import pytest
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.response import Response

from ens_project.errors import FailureResponse
from ens_project.responses import EnvelopeRenderer


def rendered(data: Any, **attributes: Any) -> Any:
    response = Response(data)
    for name, value in attributes.items():
        setattr(response, name, value)
    text = EnvelopeRenderer().render(data, renderer_context={"response": response})
    return json.loads(text.decode())


def test_data_is_wrapped() -> None:
    assert rendered([1]) == {"data": [1], "errors": None, "warnings": None}


def test_an_answer_without_data_is_wrapped_too() -> None:
    assert rendered(None) == {"data": None, "errors": None, "warnings": None}


def test_warnings_have_numbers() -> None:
    warnings = [ErrorDetail("Unknown fields were ignored: x.", "fields_unknown")]
    assert rendered({}, warnings=warnings)["warnings"] == [
        {"code": 51096, "message": "Unknown fields were ignored: x."}
    ]


def test_a_failure_has_no_data() -> None:
    error = {"code": 404, "message": "Not found.", "field": None}
    response = FailureResponse({"errors": [error]}, status=404)
    text = EnvelopeRenderer().render(response.data, renderer_context={"response": response})
    assert json.loads(text) == {"data": None, "errors": [error], "warnings": None}


def test_an_exception_within_data_becomes_its_errors() -> None:
    refused = ValidationError({"data": [ErrorDetail("No.", "event_data_invalid")]})
    shown = rendered([{"status": "accepted"}, {"status": "rejected", "errors": refused}])
    assert shown["data"][1]["errors"] == [{"code": 51083, "message": "No.", "field": "data"}]


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert EnvelopeRenderer().render("\ud800").startswith(b'{"data":"\\ud800"')


def test_what_json_can_not_hold_is_never_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        EnvelopeRenderer().render(float("nan"))
