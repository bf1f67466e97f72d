"""Bodies and answers of replaying and cancelling in the v3 API."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from delivery.cancelling import Selection
from delivery.models import REPLAYABLE, WAITING
from delivery.replay.choice import Choice
from delivery.replay.progress import Progress
from delivery.serializers import TimeField
from events.event_types import known_event_types
from organizations.serializers import TextField, TrueOrFalseField
from organizations.times import EPOCH, MILLISECOND, from_epoch_ms
from webhooks.models import Webhook

MAX_NAMED = 20


@extend_schema_field(OpenApiTypes.INT64)
class MomentField(serializers.Field[dt.datetime, int | str, int, Any]):
    """Epoch milliseconds."""

    def to_internal_value(self, data: Any) -> dt.datetime:
        if isinstance(data, bool) or not isinstance(data, int | str):
            raise _wrong("", "time_invalid")
        try:
            return from_epoch_ms(str(data))
        except ValueError:
            raise _wrong("", "time_invalid") from None

    def to_representation(self, value: dt.datetime) -> int:
        return (value - EPOCH) // MILLISECOND


class StatesField(serializers.ListField):
    """Some of `states`, each once."""

    def __init__(self, states: tuple[str, ...], **options: Any) -> None:
        super().__init__(child=TextField(allow_blank=True), **options)
        self.states = tuple(dict.fromkeys(str(state) for state in states))

    def to_internal_value(self, data: Any) -> list[str]:
        message = f"Use an array of some of {', '.join(self.states)}."
        if not isinstance(data, list) or not all(state in self.states for state in data):
            raise _wrong(message, "state_unknown")
        return list(dict.fromkeys(data))


class EventNamesField(serializers.ListField):
    """Of types that the context's `webhook` is subscribed to, or that exist; each once."""

    child = TextField(allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            raise _wrong("Use an array of names.", "event_names_invalid")
        webhook: Webhook = self.context["webhook"]
        unknown = set(data) - set(webhook.event_names) if data else set()
        if unknown and (unknown := unknown - set(known_event_types(webhook.organization))):
            named = ", ".join(name[:100] for name in sorted(unknown)[:MAX_NAMED])
            raise _wrong(f"There is no such event type: {named}.", "event_unknown")
        return list(dict.fromkeys(data))


class BodySerializer(serializers.Serializer[Any]):
    """Reports what is wrong with all fields together; null is as good as not given."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            problem = ErrorDetail("The body is not a JSON object.", "not_an_object")
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [problem]})
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for field in self._writable_fields:
            name, given = str(field.field_name), data.get(str(field.field_name))
            try:
                if given is not None:
                    values[name] = field.run_validation(given)
                elif field.required:
                    field.fail("required")
            except serializers.ValidationError as error:
                errors[name] = error.detail
        self.check_together(values, errors)
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def check_together(self, values: dict[str, Any], errors: dict[str, Any]) -> None:
        """What no field can tell alone."""

    @property
    def warnings(self) -> list[ErrorDetail]:
        unknown = [name for name in self.initial_data if name not in self.fields]
        if not unknown:
            return []
        named = ", ".join(name[:100] for name in unknown[:MAX_NAMED])
        more = f" and {len(unknown) - MAX_NAMED} more" if len(unknown) > MAX_NAMED else ""
        return [ErrorDetail(f"Unknown fields were ignored: {named}{more}.", "fields_unknown")]


class ConsumerGroupSerializer(BodySerializer):
    consumerGroupId = TextField(
        required=False,
        help_text="Default: that of the entry which GET answers, the oldest webhook's.",
    )


class RangeSerializer(BodySerializer):
    """A range of events, by when they came in; both ends belong to it."""

    startDate = MomentField(required=False)
    endDate = MomentField(required=False, help_text="Epoch milliseconds; default now.")
    eventNames = EventNamesField(required=False, help_text="Default: of any type.")

    def check_together(self, values: dict[str, Any], errors: dict[str, Any]) -> None:
        start, end = values.get("startDate"), values.get("endDate")
        if start and end and end < start:
            errors["endDate"] = [ErrorDetail("It is before startDate.", "range_invalid")]


class ReplayRequestSerializer(RangeSerializer):
    startDate = MomentField(
        help_text=f"Epoch milliseconds; {settings.RETENTION_DAYS} days ago at the earliest."
    )
    status = StatesField(
        REPLAYABLE,
        required=False,
        help_text="The newest delivery of an event is replayed when it is in one of these:"
        f" {', '.join(dict.fromkeys(map(str, REPLAYABLE)))}.",
    )
    missing = TrueOrFalseField(
        required=False,
        help_text="Also events that never had a delivery to this webhook, of types that it is"
        " subscribed to now and that its filter lets pass.",
    )

    def check_together(self, values: dict[str, Any], errors: dict[str, Any]) -> None:
        super().check_together(values, errors)
        if not (values.get("status") or values.get("missing") or {"status", "missing"} & {*errors}):
            errors["status"] = [ErrorDetail("", "replay_of_nothing")]

    def choice(self, now: dt.datetime) -> Choice:
        """`now` is the database's."""
        values = self.validated_data
        return Choice(
            start=max(values["startDate"], now - dt.timedelta(days=settings.RETENTION_DAYS)),
            end=min(values["endDate"] + MILLISECOND, now) if "endDate" in values else now,
            states=tuple(values.get("status", ())),
            event_names=tuple(values.get("eventNames", ())),
            missing=values.get("missing", False),
            asked_at=now,
        )


class CancelRequestSerializer(RangeSerializer):
    startDate = MomentField(required=False, help_text="Epoch milliseconds; default: whenever.")
    status = StatesField(WAITING, required=False, help_text="Default: pending and retrying.")

    def selection(self) -> Selection:
        values = self.validated_data
        end = values.get("endDate")
        return Selection(
            tuple(values.get("status") or WAITING),
            values.get("startDate"),
            end and end + MILLISECOND,
            tuple(values.get("eventNames", ())),
        )


class CancelledSerializer(serializers.Serializer[Any]):
    """`hasMore` when others of the selection wait still: ask again."""

    cancelled = serializers.IntegerField()
    hasMore = serializers.BooleanField()


def _of_replay(name: str, kind: Callable[..., Any], **options: Any) -> Any:
    return kind(source=f"replay.{name}", **options)


class ReplaySerializer(serializers.Serializer[Progress]):
    """A replay and how far it is. `made` is delivered, failed, waiting, inFlight and cancelled
    together; when nothing changed meanwhile, it ends as `total`."""

    replayId = _of_replay("pk", serializers.UUIDField)
    webHookId = _of_replay("webhook.public_id", serializers.CharField)
    state = serializers.ChoiceField(
        choices=["running", "delivering", "finished", "cancelled"],
        help_text="running: deliveries are being made; delivering: all are made, some not ended.",
    )
    startDate = _of_replay("start", MomentField)
    endDate = _of_replay("end", MomentField, help_text="Before which the events came in.")
    status = _of_replay("states", serializers.ListField, child=serializers.CharField())
    eventNames = _of_replay("event_names", serializers.ListField, child=serializers.CharField())
    missing = _of_replay("missing", serializers.BooleanField)
    total = _of_replay(
        "total", serializers.IntegerField, help_text="Counted when it was asked for."
    )
    made = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    waiting = serializers.IntegerField()
    inFlight = serializers.IntegerField(source="in_flight")
    cancelled = serializers.IntegerField()
    passedOver = _of_replay(
        "passed_over",
        serializers.IntegerField,
        help_text="Counted, and found in no need of it: delivered or replayed meanwhile.",
    )
    createdOn = _of_replay("created_at", TimeField)
    finishedOn = _of_replay(
        "finished_at", TimeField, allow_null=True, help_text="When the last was made."
    )
    cancelledOn = _of_replay("cancelled_at", TimeField, allow_null=True)


def _wrong(message: str, code: str) -> serializers.ValidationError:
    return serializers.ValidationError([ErrorDetail(message, code)])
