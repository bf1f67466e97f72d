from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from events.custom_types import defaults
from events.event_types import KnownEventType
from events.models import Validation
from organizations.serializers import TextField, TrueOrFalseField


class EventTypeSerializer(serializers.Serializer[KnownEventType]):
    active = serializers.BooleanField()
    eventName = serializers.CharField(source="name")


class EventTypeDetailSerializer(EventTypeSerializer):
    """Needs `schema`, `sample` and `version` of the type in the context."""

    schema = serializers.SerializerMethodField(help_text="JSON Schema of the whole event.")
    sample = serializers.SerializerMethodField(help_text="An example of the whole event.")
    description = serializers.CharField()
    group = serializers.CharField()
    validation = serializers.ChoiceField(
        choices=Validation.choices,
        help_text="What happens to an event that does not fit the schema.",
    )
    custom = serializers.BooleanField(source="is_custom")
    version = serializers.SerializerMethodField(
        help_text="Goes up with every change of schema or sample; null of a standard type."
    )

    def get_schema(self, _event_type: KnownEventType) -> dict[str, Any]:
        schema: dict[str, Any] = self.context["schema"]
        return schema

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_sample(self, _event_type: KnownEventType) -> Any:
        return self.context["sample"]

    def get_version(self, _event_type: KnownEventType) -> int | None:
        version: int | None = self.context["version"]
        return version


@extend_schema_field(OpenApiTypes.OBJECT)
class AnyJsonField(serializers.JSONField):
    """What it has to be is told by the model's rules."""


class WholeNumberField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class EventTypeSettingsSerializer(serializers.Serializer[Any]):
    """What the organisation sets of a standard type. null is as good as not given."""

    active = TrueOrFalseField(required=False, allow_null=True)
    validation = serializers.ChoiceField(
        choices=Validation.choices, required=False, allow_null=True, help_text="Default `warn`."
    )

    def given(self) -> dict[str, Any]:
        """The clean values that were given, by field of the model."""
        return {name: value for name, value in self.validated_data.items() if value is not None}


class CustomTypeSerializer(EventTypeSettingsSerializer):
    eventName = TextField(
        source="name",
        required=False,
        allow_null=True,
        trim_whitespace=False,
        max_length=100,
        help_text="Required on POST; never changes afterwards.",
    )
    group = TextField(required=False, allow_null=True, allow_blank=True, max_length=100)
    description = TextField(required=False, allow_null=True, allow_blank=True)
    schema = AnyJsonField(
        required=False,
        allow_null=True,
        help_text="JSON Schema of the whole event: draft 4, 6, 7, 2019-09 or 2020-12, without "
        "references to elsewhere. Without one every event fits.",
    )
    sample = AnyJsonField(
        required=False,
        allow_null=True,
        help_text="An example of the whole event. Made from the schema if there is none.",
    )
    version = WholeNumberField(
        required=False,
        allow_null=True,
        help_text="On PUT: the version that was read. If it is not the current one any more, "
        "nothing is changed (409).",
    )

    def fields_of_model(self) -> dict[str, Any]:
        """Of a full replacement: what was not given has its default."""
        given = self.given()
        return {name: given.get(name, default) for name, default in defaults().items()}
