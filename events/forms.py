"""The form of a custom event type. The rules stand on the model; here are names and words."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from events.custom_types import CONTENT, SETTABLE, checked, drafted
from events.models import EventType
from events.schema_bounds import MAX_SCHEMA_BYTES
from events.strict_json import StrictJSONError, loads
from organizations.models import Organization

STARTER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {
                "customerId": {"type": "integer", "description": "Whom it is about."},
            },
            "required": ["customerId"],
        }
    },
    "required": ["data"],
}


class JsonField(forms.CharField):
    """JSON as text; nothing typed is None. What is no JSON is told with its line."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        attributes = {"rows": rows, "spellcheck": "false", "wrap": "off", "data-json": ""}
        super().__init__(required=False, strip=False, widget=forms.Textarea(attributes), **options)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if not text.strip():
            return None
        if len(text) > 4 * MAX_SCHEMA_BYTES:  # with its white space
            raise ValidationError(f"Longer than {4 * MAX_SCHEMA_BYTES:,} characters.")
        try:
            return loads(text.encode(errors="surrogatepass"))
        except StrictJSONError as error:
            words = error.message.replace("The body is not JSON", "Not JSON")
            raise ValidationError(f"{error.path}: {words}" if error.path else words) from None

    def prepare_value(self, value: Any) -> Any:
        """What was typed stays as it was typed."""
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)

    def validate(self, value: Any) -> None:
        """The rules are the model's."""

    def run_validators(self, value: Any) -> None:
        """Of texts; this is none any more."""


class CustomTypeForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """`stored` is the type to change, None for a new one. `event_type` is it as it would be."""

    schema = JsonField(
        label="JSON Schema",
        rows=22,
        help_text="Of the whole event; what a producer tells stands in data. Draft 4, 6, 7, "
        "2019-09 or 2020-12, at most 256 KiB, without references to elsewhere. Empty: every "
        "event fits.",
    )
    sample = JsonField(
        label="Example",
        rows=10,
        help_text="A whole event that fits the schema; what is filled in on receipt may be "
        "missing. Empty: one is made from the schema.",
    )

    class Meta:
        model = EventType
        fields = ["name", "group", "description", "schema", "sample", "validation"]
        labels = {
            "name": "Event name",
            "group": "Group",
            "description": "Description",
            "validation": "An event that does not fit the schema is",
        }
        help_texts = {
            "name": "Such as reviewPosted. Case-sensitive; cannot be changed later.",
            "group": "Where it stands in the catalogue and in the picker.",
            "description": "When it is sent, in a sentence.",
            "validation": "A marked event is delivered, and shown in the feed as a mismatch.",
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            "group": forms.TextInput(attrs={"autocomplete": "off", "list": "groups"}),
            "description": forms.Textarea(attrs={"rows": 2}),
            "validation": forms.RadioSelect,
        }

    def __init__(
        self,
        data: Any = None,
        *,
        organization: Organization,
        stored: EventType | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        values = {name: getattr(stored, name) for name in SETTABLE} if stored else {}
        super().__init__(data, initial={"schema": STARTER, **values, **(initial or {})})
        self.organization = organization
        self.stored = stored
        if stored is not None:
            del self.fields["name"]

    @property
    def name(self) -> str:
        if self.stored is not None:
            return self.stored.name
        return str(self.cleaned_data.get("name", ""))

    @property
    def values(self) -> dict[str, Any]:
        """By field of the model, what can be set here."""
        return {name: self.cleaned_data[name] for name in SETTABLE if name in self.cleaned_data}

    def _post_clean(self) -> None:
        """Of what was understood; the model's own words are told at their fields."""
        self.event_type = drafted(self.organization, self.name, self.values)
        try:
            checked(self.event_type)
        except ValidationError as error:
            wrong = set(self.errors)
            # Where the schema could not be read, nothing can be said about the sample.
            silent = {*wrong, "sample"} if "schema" in wrong else wrong
            for field, problems in error.error_dict.items():
                if field not in silent:
                    self.add_error(field if field in self.fields else None, problems)

    @property
    def may_check(self) -> bool:
        """Whether schema and sample are JSON at all."""
        return not any(name in self.errors for name in CONTENT)
