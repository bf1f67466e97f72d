"""What the API says of a webhook's fields: names, types, and the words for what is wrong."""

from collections.abc import Callable
from typing import Any, cast

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.settings import api_settings

from webhooks.codes import symbolic
from webhooks.serializers import WebhookSerializer

_FIELDS = WebhookSerializer().fields
_NAMES = {str(field.source): name for name, field in _FIELDS.items()}


def api_field(source: str) -> Any:
    """The serializer's field for an attribute of the model or the draft."""
    return _FIELDS[_NAMES[source]]


def words(path: str, details: Any) -> list[str]:
    """What the API answers to these errors of a webhook's field."""
    source = path.split(".")[0].split("[")[0]
    api_path = path.replace(source, _NAMES.get(source, source), 1)
    refusal = serializers.ValidationError(symbolic({api_path: details}))
    explain = cast("Callable[..., Response]", api_settings.EXCEPTION_HANDLER)
    answer = explain(refusal, {})
    return [error["message"] for error in answer.data["errors"]]
