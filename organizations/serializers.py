from typing import Any

from rest_framework import serializers


class TextField(serializers.CharField):
    """A JSON string and nothing else; DRF would take numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


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
