"""A webhook in the v3 API. The rules stand on the model and the draft; here are names and types."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError as ModelValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import get_error_detail
from rest_framework.settings import api_settings

from organizations.serializers import TextField, TrueOrFalseField, fields_unknown
from organizations.times import v3_time, v3_time_iso
from webhooks.codes import symbolic
from webhooks.draft import Draft
from webhooks.fields import FilterField, NumberField, SourcesField, WordField
from webhooks.headers import masked
from webhooks.models import Method, Webhook, WebhookType
from webhooks.rotation import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_S

# Made by the server; accepted, so that an answer can be sent back as it is, and ignored.
OURS = frozenset(
    {"attribution", "webHookId", "consumerGroupId", "noOfRetryAttempts", "deactivationReason"}
)
URL_HELP = (
    "Of type HTTP: http:// or https://. Of type queue:"
    " `amqp[s]://[user[:password]@]host[:port]/[vhost/]exchange[?routing_key=…]`"
    " (publisher confirms; a message that no queue takes is not delivered),"
    " `redis[s]://[[user]:password@]host[:port]/[database/]stream[?maxlen=…]` (XADD), or"
    " `sqs://access-key:secret-key@host/account/queue[?region=…][&group=…][&tls=off]`."
    " Percent-encode what has a meaning in a URL. The password is answered as ••••; sent back"
    " with the same scheme, user, host and port, that stands for the stored one."
)
FILTER = (
    "Conditions on paths into the event, all of which have to hold:"
    ' `{"data.amount": {"$gte": 1000}, "data.billType": "REGULAR"}`.'
    " Operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $startsWith $and $or $not`."
    " An event for which it can not be evaluated is delivered, and marked. null: every event."
    " A change applies to events that come in later."
)


class ActorSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.IntegerField()
    code = serializers.CharField()
    description = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["TILL", "ADMIN_USER"])


class AttributionSerializer(serializers.Serializer[Any]):
    createdOn = serializers.CharField()
    createdOnISO = serializers.CharField()
    lastUpdatedOn = serializers.CharField()
    lastUpdatedOnISO = serializers.CharField()
    lastUpdatedBy = ActorSerializer()
    createdBy = ActorSerializer()


class HeadersField(serializers.DictField):
    child = TextField(allow_blank=True, trim_whitespace=False)

    def usable(self, data: Any) -> dict[str, str]:
        return {name: value for name, value in data.items() if isinstance(value, str)}


class EventNamesField(serializers.ListField):
    child = TextField(trim_whitespace=False, allow_blank=True)

    def usable(self, data: Any) -> list[str]:
        return [name for name in data if isinstance(name, str)]


class WebhookSerializer(serializers.Serializer[Webhook]):
    """The context holds `zone`, and `show_values`: whether header values are shown whole."""

    attribution = serializers.SerializerMethodField()
    webHookId = serializers.CharField(source="public_id", read_only=True)
    name = TextField(required=False, help_text="Required on POST; never changes afterwards.")
    eventNames = EventNamesField(source="event_names")
    webHookUrl = TextField(source="url", trim_whitespace=False, help_text=URL_HELP)
    webHookType = WordField(source="webhook_type", required=False, words=WebhookType.values)
    methodType = WordField(source="method", required=False, words=Method.values)
    webHookHeaders = HeadersField(source="headers", required=False)
    noOfRetryAttempts = serializers.SerializerMethodField(help_text="Always 0.")
    maxAllowedConnections = NumberField(
        source="max_connections", cut_decimals=True, help_text="1 to 1,000; decimals are cut."
    )
    active = TrueOrFalseField(source="is_active", required=False, default=True)
    slaInSeconds = NumberField(source="sla_s", required=False, help_text="0: no SLA.")
    consumerGroupId = serializers.UUIDField(source="consumer_group_id", read_only=True)
    listenToChildEvents = TrueOrFalseField(source="listen_to_child_events", required=False)
    tillDetailsEnrichmentEnabled = TrueOrFalseField(source="enrich_till", required=False)
    storeDetailsEnrichmentEnabled = TrueOrFalseField(source="enrich_store", required=False)
    customerIdentifiersToBeEnriched = SourcesField(source="enrich_customer_sources", required=False)
    awardedReferenceEnrichmentEnabled = TrueOrFalseField(
        source="enrich_awarded_reference", required=False
    )
    availablePointsBalanceEnrichmentEnabled = TrueOrFalseField(
        source="enrich_points_balance", required=False
    )
    cardNumberEnrichmentEnabled = TrueOrFalseField(source="enrich_card_number", required=False)
    description = TextField(required=False, allow_blank=True)
    timeoutInSeconds = NumberField(source="timeout_s", required=False, help_text="1 to 30.")
    replayOn429 = TrueOrFalseField(source="replay_on_429", required=False)
    filter = FilterField(required=False, help_text=FILTER)
    deactivationReason = serializers.CharField(source="deactivation_reason", read_only=True)

    # Beyond the API's older contract: answered only where they differ from their default.
    further = (
        *("cardNumberEnrichmentEnabled", "description", "timeoutInSeconds", "replayOn429"),
        *("filter", "deactivationReason"),
    )

    @extend_schema_field(AttributionSerializer)
    def get_attribution(self, webhook: Webhook) -> dict[str, Any]:
        zone = self.context["zone"]
        return {
            "createdOn": v3_time(webhook.created_at, zone),
            "createdOnISO": v3_time_iso(webhook.created_at),
            "lastUpdatedOn": v3_time(webhook.updated_at, zone),
            "lastUpdatedOnISO": v3_time_iso(webhook.updated_at),
            "lastUpdatedBy": _actor(webhook.updated_by),
            "createdBy": _actor(webhook.created_by),
        }

    def get_noOfRetryAttempts(self, _webhook: Webhook) -> int:
        return 0

    def to_representation(self, webhook: Webhook) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for field in self._readable_fields:
            name = str(field.field_name)
            if isinstance(field, HeadersField):
                shown[name] = self._headers(webhook)
            elif field.source == "url":
                shown[name] = webhook.shown_url
            else:
                shown[name] = field.to_representation(field.get_attribute(webhook))
        for name in self.further:
            if shown[name] == _default(str(self.fields[name].source)):
                del shown[name]
        return shown

    def _headers(self, webhook: Webhook) -> dict[str, str]:
        pairs = webhook.header_pairs
        if self.context["show_values"]:
            return dict(pairs)
        return {name: masked(name, value) for name, value in pairs}

    def to_internal_value(self, data: Any) -> dict[str, Draft]:
        """A clean draft. Raises ValidationError with every broken rule of types and values."""
        if not isinstance(data, Mapping):
            problem = ErrorDetail("The body is not a JSON object.", "not_an_object")
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [problem]})
        values, errors = self._typed(data)
        webhook = self.instance
        draft = (
            Draft.of(webhook)
            if isinstance(webhook, Webhook)
            else Draft(Webhook(organization=self.context["organization"]), [], [])
        )
        for source, value in values.items():
            _set(draft, source, value)
        try:
            wrong = {str(self.fields[name].source) for name in errors}
            draft.clean(exclude=wrong - values.keys())
        except ModelValidationError as broken:
            for name, details in self._in_api_names(broken):
                errors.setdefault(name, details)
        if errors:
            raise serializers.ValidationError(symbolic(errors))
        return {"draft": draft}

    def _typed(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values by source and errors by field. null is as good as not given, but for a field
        that may be null: there it is a value.

        What a full request does not give gets its default. Where single headers or event names
        are wrong the value is the rest of them, so that it is checked as well.
        """
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for field in self._writable_fields:
            name, given = str(field.field_name), data.get(str(field.field_name))
            if name == "name" and self.instance is not None:
                continue
            try:
                if given is not None:
                    values[str(field.source)] = field.run_validation(given)
                elif not self.partial and (field.required or name == "name"):
                    field.fail("required")
                elif not self.partial or (field.allow_null and name in data):
                    values[str(field.source)] = _default(str(field.source))
            except serializers.ValidationError as error:
                errors[name] = error.detail
                if isinstance(field, HeadersField | EventNamesField) and (
                    isinstance(error.detail, dict)
                ):
                    values[str(field.source)] = field.usable(given)
        return values, errors

    def _in_api_names(self, broken: ModelValidationError) -> Iterator[tuple[str, Any]]:
        names = {str(field.source): name for name, field in self.fields.items()}
        for path, details in cast("dict[str, Any]", get_error_detail(broken)).items():
            source = path.split(".")[0].split("[")[0]
            yield path.replace(source, names.get(source, source), 1), details

    def create(self, validated_data: dict[str, Draft]) -> Webhook:
        return validated_data["draft"].save(self.context["request"])

    def update(self, _instance: Webhook, validated_data: dict[str, Draft]) -> Webhook:
        return validated_data["draft"].save(self.context["request"])

    @property
    def warnings(self) -> list[ErrorDetail]:
        """What was ignored in the request."""
        data = self.initial_data
        found = []
        name = data.get("name")
        if isinstance(self.instance, Webhook) and name is not None and name != self.instance.name:
            found.append(ErrorDetail("The name never changes; it was kept.", "name_kept"))
        unknown = [name for name in data if name not in self.fields and name not in OURS]
        return [*found, *fields_unknown(unknown)]


class SigningSecretSerializer(serializers.Serializer[Any]):
    signingSecret = serializers.CharField(
        allow_null=True,
        help_text="`whsec_` and base64; null where there is none, or it can not be read any more.",
    )
    createdOn = serializers.CharField(allow_null=True)
    olderSecretsSignUntil = serializers.ListField(
        child=serializers.CharField(),
        help_text="Until when each older secret, if any, signs beside it.",
    )


class RotationSerializer(serializers.Serializer[Any]):
    overlapInHours = NumberField(
        default=DEFAULT_OVERLAP_HOURS,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_OVERLAP_S // 3_600)],
        help_text="0 to 168: for how long the old secret signs as well.",
    )

    @property
    def warnings(self) -> list[ErrorDetail]:
        return fields_unknown([name for name in self.initial_data if name not in self.fields])


def _default(source: str) -> Any:
    special: dict[str, Any] = {"is_active": True, "headers": {}}
    if source in special:
        return special[source]
    return Webhook._meta.get_field(source).get_default()  # type: ignore[union-attr]


def _set(draft: Draft, source: str, value: Any) -> None:
    if source == "url":
        draft.set_url(value)
    elif source == "headers":
        draft.set_headers(list(value.items()))
    elif source == "event_names":
        draft.set_event_names(value)
    elif source == "is_active":
        draft.set_active(value)
    else:
        setattr(draft.webhook, source, value)


def _actor(actor: Mapping[str, Any]) -> dict[str, Any]:
    """In the documented order, which a database column does not keep."""
    return {name: actor.get(name) for name in ("id", "code", "description", "name", "type")}
