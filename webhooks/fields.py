"""Fields of JSON bodies that take their own type and nothing that merely looks like it."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from organizations.serializers import TextField
from organizations.sources import canonical


@extend_schema_field(OpenApiTypes.NUMBER)
class NumberField(serializers.Field[int, int | float, int, Any]):
    """A whole number; with `cut_decimals` any number, of which the decimals are dropped."""

    default_error_messages = {
        "invalid": "Not a number.",
        "not_whole": "Not a whole number.",
    }

    def __init__(self, *, cut_decimals: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.cut_decimals = cut_decimals

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        if not self.cut_decimals and data != int(data):
            raise serializers.ValidationError(self.error_messages["not_whole"], code="invalid")
        return int(data)

    def to_representation(self, value: int) -> int:
        return value


class WordField(TextField):
    """One of a few words, taken in any case and answered as spelled in `words`."""

    def __init__(self, *, words: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.canonical = {word.lower(): word for word in words}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text.lower() not in self.canonical:
            message = f"Use one of: {', '.join(self.canonical.values())}."
            raise serializers.ValidationError(message, code="invalid_choice")
        return self.canonical[text.lower()]


@extend_schema_field(OpenApiTypes.OBJECT)
class FilterField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON; what it must be is told by webhooks.payload_filter. null is a value: no filter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, **options)

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class SourcesField(serializers.ListField):
    """Names of sources, repeated ones once, in the API's spelling."""

    child = TextField(trim_whitespace=False)

    def to_internal_value(self, data: Any) -> list[str]:
        names = super().to_internal_value(data)
        return list(dict.fromkeys(canonical(name) for name in names))
