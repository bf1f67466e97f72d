from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

MAX_NAMED = 20


class TextField(serializers.CharField):
    """A JSON string and nothing else; DRF would take numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class TrueOrFalseField(serializers.BooleanField):
    """A JSON boolean and nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def fields_unknown(names: Sequence[str]) -> list[ErrorDetail]:
    """The one warning that names them, if there are any."""
    if not names:
        return []
    named = ", ".join(name[:100] for name in names[:MAX_NAMED])
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return [ErrorDetail(f"Unknown fields were ignored: {named}{more}.", "fields_unknown")]


class KeyAndSecretSerializer(serializers.Serializer[Any]):
    key = TextField(max_length=200, trim_whitespace=False)
    secret = TextField(max_length=200, trim_whitespace=False)


class ReferenceReportSerializer(serializers.Serializer[Any]):
    """How many elements were new, differed from what was there, and were there like that."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class AccessTokenSerializer(serializers.Serializer[Any]):
    """The answer, for the API page."""

    accessToken = serializers.CharField()
    ttlSeconds = serializers.IntegerField()
