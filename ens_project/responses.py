"""The v3 envelope around every answer of an API view."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

from ens_project.errors import ErrorObject, FailureResponse, errors_of, warning_object


class Encoder(JSONEncoder):
    """DRF's, and exceptions within the data of a success become their error objects."""

    def default(self, obj: Any) -> Any:
        if isinstance(obj, APIException):
            return errors_of(obj)
        return super().default(obj)


_encode = Encoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def envelope(
    data: Any, errors: list[ErrorObject] | None, warnings: list[ErrorObject] | None
) -> bytes:
    """UTF-8; half a surrogate pair, which UTF-8 can not hold, is written as its JSON escape."""
    text = _encode({"data": data, "errors": errors, "warnings": warnings})
    return text.encode("utf-8", "backslashreplace")


def failure_body(errors: list[ErrorObject]) -> bytes:
    return envelope(None, errors, None)


class EnvelopeRenderer(BaseRenderer):
    """`{"data", "errors", "warnings"}`; a view's warnings are `response.warnings`, ErrorDetails."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response: HttpResponseBase | None = (renderer_context or {}).get("response")
        if isinstance(response, FailureResponse):
            return failure_body(data["errors"])
        warnings = [warning_object(warning) for warning in getattr(response, "warnings", [])]
        return envelope(data, None, warnings or None)
