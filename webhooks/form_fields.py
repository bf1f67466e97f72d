"""The fields of the webhook form: their labels, their help, and how they are typed."""

import math
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from organizations.sources import PAYLOAD_KEYS, source_label
from webhooks.api_words import api_field
from webhooks.fields import NumberField
from webhooks.filter_text import filter_text, typed_filter
from webhooks.models import MAX_TIMEOUT_S, Method, Webhook, WebhookType

Data = MultiValueDict[str, str]

SOURCES, FILTER = "enrich_customer_sources", "filter"
CUSTOMER = "customer_identifier"
CHILDREN = "listen_to_child_events"
FIRST_SOURCES = 3
WHERE = ("name", "url", "is_active", "webhook_type", "method")
ENRICHMENT = (
    *("enrich_till", "enrich_store", CUSTOMER, SOURCES, "enrich_card_number"),
    *("enrich_awarded_reference", "enrich_points_balance"),
)
ADVANCED = (
    *("max_connections", "sla_s", "timeout_s", "replay_on_429", CHILDREN, FILTER),
    "description",
)
EXAMPLE = '{"data.amount": {"$gte": 1000}, "data.billType": "REGULAR"}'
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?")


class AsTyped(forms.CharField):
    """Text as it was typed, None if it was not sent. It is judged elsewhere."""

    def clean(self, value: Any) -> Any:
        return value


class AllAsTyped(forms.Field):
    """The values of all boxes that were ticked, known ones or not."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value: Any) -> Any:
        return value


def _number(label: str, help_text: str) -> AsTyped:
    entry = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
    return AsTyped(label=label, help_text=help_text, widget=entry)


def _choice(label: str, choices: Any) -> AsTyped:
    return AsTyped(label=label, widget=forms.Select(choices=choices))


def _box(label: str, **attributes: str) -> forms.BooleanField:
    entry = forms.CheckboxInput(attrs=attributes)
    return forms.BooleanField(label=label, required=False, widget=entry)


def _switch(label: str, help_text: str = "") -> forms.BooleanField:
    entry = forms.CheckboxInput(attrs={"role": "switch"})
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=entry)


class WebhookFields(forms.Form):
    """Each field is named for the model's attribute.

    `customer_identifier` alone is the form's own: it says whether there are sources.
    """

    use_required_attribute = False

    name = AsTyped(
        label="Webhook name",
        help_text="Cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = AsTyped(
        label="Webhook URL",
        widget=forms.URLInput(
            attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    is_active = _switch("Active", "While it is off, deliveries are held for up to 24 hours.")
    webhook_type = _choice("Type", WebhookType.choices)
    method = _choice("Method", Method.choices)
    enrich_till = _box("Till")
    enrich_store = _box("Store")
    customer_identifier = _box("Customer identifier", **{"aria-controls": "enrich-sources"})
    enrich_customer_sources = AllAsTyped(
        label="Source",
        required=False,
        widget=forms.CheckboxSelectMultiple(
            choices=[(name, source_label(name)) for name in PAYLOAD_KEYS]
        ),
    )
    enrich_card_number = _box("Card Number")
    enrich_awarded_reference = _box("Awarded Reference ID")
    enrich_points_balance = _box("Available Points Balance")
    max_connections = _number(
        "Maximum allowed connections", "So many requests are sent to it at the same time."
    )
    sla_s = _number("Delivery SLA (in seconds)", "0: no SLA.")
    timeout_s = _number("Timeout (in seconds)", f"1 to {MAX_TIMEOUT_S}.")
    replay_on_429 = _switch("Replay on 429", "Otherwise “Too Many Requests” is final, as any 4xx.")
    listen_to_child_events = _switch(
        "Receive events of child organizations", "Those of this organization arrive anyway."
    )
    filter = AsTyped(
        label="Payload filter",
        required=False,
        widget=forms.Textarea(
            attrs={"class": "mono", "rows": 6, "spellcheck": "false", "placeholder": EXAMPLE}
        ),
    )
    description = AsTyped(
        label="Description", required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def typed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values, and errors of the others. What is not sent stays as it is."""
        values: dict[str, Any] = {}
        wrong: dict[str, Any] = {}
        for name in self.fields:
            try:
                values |= _typed(name, self.cleaned_data[name])
            except ValidationError as error:
                wrong[name] = get_error_detail(error)
            except serializers.ValidationError as error:
                wrong[name] = error.detail
        return values, wrong


def start_values(webhook: Webhook) -> dict[str, Any]:
    """What stands in each field for this webhook."""
    own = {name: getattr(webhook, name) for name in WebhookFields.base_fields if name != CUSTOMER}
    return own | {
        "url": webhook.shown_url,
        CUSTOMER: bool(webhook.enrich_customer_sources),
        FILTER: filter_text(webhook.filter),
    }


def _typed(name: str, given: Any) -> dict[str, Any]:
    """The value by name, nothing if there is none to set. Raises either ValidationError."""
    if name == CUSTOMER or (name == FILTER and given is None):
        return {}
    if name == FILTER:
        return {name: typed_filter(given)}
    field = api_field(name)
    given = _as_json(name, given)
    if given is not None:
        return {name: field.run_validation(given)}
    if field.required or name == "name":
        field.fail("required")
    if isinstance(field, NumberField):
        return {name: Webhook._meta.get_field(name).get_default()}  # type: ignore[union-attr]
    return {}


def _as_json(name: str, given: Any) -> Any:
    """Digits as the number that JSON would have had; an emptied field as one not given."""
    if name == "description" and isinstance(given, str):
        return given.replace("\r\n", "\n")
    if not isinstance(api_field(name), NumberField) or given is None:
        return given
    text = given.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text) if "." in text else int(text)
    return number if math.isfinite(number) else text
