from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from events.event_types import KnownEventType


class EventTypeSerializer(serializers.Serializer[KnownEventType]):
    active = serializers.BooleanField()
    eventName = serializers.CharField(source="name")


class EventTypeDetailSerializer(EventTypeSerializer):
    """Needs `schema` and `sample` of the type in the context."""

    schema = serializers.SerializerMethodField(help_text="JSON Schema of the whole event.")
    sample = serializers.SerializerMethodField(help_text="An example of the whole event.")
    description = serializers.CharField()
    group = serializers.CharField()

    def get_schema(self, _event_type: KnownEventType) -> dict[str, Any]:
        schema: dict[str, Any] = self.context["schema"]
        return schema

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_sample(self, _event_type: KnownEventType) -> Any:
        return self.context["sample"]
