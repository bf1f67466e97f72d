from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from delivery.models import WAITING, Delivery, State
from organizations.times import v3_time

TIME_EXAMPLE = "2020-04-23T11:10:51.351+0530"


@extend_schema_field({"type": "string", "example": TIME_EXAMPLE})
class TimeField(serializers.Field[datetime, str, str, Any]):
    """In the time zone `zone` of the serializer's context."""

    def to_representation(self, value: datetime) -> str:
        return v3_time(value, self.context["zone"])


class ConsumerResponseSerializer(serializers.Serializer[Delivery]):
    """The last attempt that ended. The status is null without a response, and of queues."""

    webhookHttpStatus = serializers.FloatField(source="last_status", allow_null=True)
    time_taken = serializers.FloatField(
        source="last_duration_ms", help_text="Milliseconds, to the end of the response."
    )


class LogEntrySerializer(serializers.Serializer[Delivery]):
    """What became of an event at one consumer group."""

    refId = serializers.CharField(source="event.ref_id")
    requestId = serializers.CharField(source="event.request_id")
    eventName = serializers.CharField(source="event.name")
    eventId = serializers.CharField(source="event.event_id")
    consumerGroupId = serializers.UUIDField(source="webhook.consumer_group_id")
    eventIngestionTimestamp = TimeField(source="event.ingested_at")
    eventStartTimestamp = TimeField(
        source="first_attempt_at", allow_null=True, help_text="Start of the first attempt."
    )
    eventEndTimestamp = TimeField(
        source="finished_at", allow_null=True, help_text="When the final state was reached."
    )
    slaBreachTimestamp = TimeField(source="sla_breached_at", allow_null=True)
    consumerResponse = serializers.SerializerMethodField()
    status = serializers.ChoiceField(source="state", choices=State.choices)
    attempts = serializers.IntegerField()
    nextAttemptTimestamp = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    orgId = serializers.IntegerField(
        source="event.organization_id",
        required=False,
        help_text="Only of a child organization's event: whose it is.",
    )
    filterError = serializers.CharField(
        source="filter_error",
        required=False,
        help_text="Only where the webhook's filter could not be evaluated: why.",
    )

    def to_representation(self, instance: Delivery) -> dict[str, Any]:
        """Without what is beyond the API's older contract and says nothing."""
        shown = super().to_representation(instance)
        if instance.child is None:
            del shown["orgId"]
        if not instance.filter_error:
            del shown["filterError"]
        return shown

    @extend_schema_field(ConsumerResponseSerializer(allow_null=True))
    def get_consumerResponse(self, delivery: Delivery) -> dict[str, Any] | None:
        if delivery.last_duration_ms is None:
            return None
        status = delivery.last_status
        return {
            "webhookHttpStatus": None if status is None else float(status),
            "time_taken": float(delivery.last_duration_ms),
        }

    @extend_schema_field({"type": "string", "example": TIME_EXAMPLE, "nullable": True})
    def get_nextAttemptTimestamp(self, delivery: Delivery) -> str | None:
        """Null unless the delivery waits for an attempt."""
        if delivery.next_attempt_at is None or delivery.state not in WAITING:
            return None
        return v3_time(delivery.next_attempt_at, self.context["zone"])

    @extend_schema_field({"type": "string", "nullable": True})
    def get_error(self, delivery: Delivery) -> str | None:
        """The class of the last error, such as `timeout`; null when there was none."""
        return delivery.last_error or None


class LogPageSerializer(serializers.Serializer[Any]):
    logs = LogEntrySerializer(many=True)
    page = serializers.IntegerField()
    pageSize = serializers.IntegerField()
    hasNext = serializers.BooleanField()


class TestSerializer(serializers.Serializer[Any]):
    """Without `data` and `event` the sample of the type is sent."""

    eventName = serializers.CharField(help_text="A type that the organization knows.")
    data = serializers.DictField(  # type: ignore[assignment]  # declared, it is no attribute
        required=False, help_text="Instead of the sample's data."
    )
    event = serializers.DictField(
        required=False,
        help_text="Instead of the whole sample. It gets a new eventId, whatever it says.",
    )


HEADERS_FIELD = serializers.ListField(
    child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
)


class TestAnswerSerializer(serializers.Serializer[Any]):
    """What was sent, and what the receiver said."""

    eventId = serializers.CharField()
    eventName = serializers.CharField()
    delivered = serializers.BooleanField(help_text="Whether an event would have been delivered.")
    webhookHttpStatus = serializers.IntegerField(allow_null=True, help_text="Null: no response.")
    responseHeaders = HEADERS_FIELD
    responseBody = serializers.CharField(help_text="Its first 16 KiB.")
    responseBodyTruncated = serializers.BooleanField()
    time_taken = serializers.FloatField(help_text="Milliseconds, to the end of the headers.")
    error = serializers.CharField(
        allow_null=True, help_text="Why there was no response, such as `timeout`."
    )
    errorDetail = serializers.CharField(allow_null=True)
    acknowledgement = serializers.CharField(allow_null=True, help_text="What a queue said.")
    address = serializers.CharField(allow_null=True, help_text="That was connected to.")
    requestHeaders = HEADERS_FIELD
    requestBody = serializers.CharField(help_text="The very text that was signed.")


class MetricsSerializer(serializers.Serializer[Any]):
    """The four parts add up to the total; cancelled deliveries and test events are left out."""

    totalEvents = serializers.IntegerField()
    deliveredEvents = serializers.IntegerField()
    failedEvents = serializers.IntegerField(help_text="Refused, expired, blocked or quarantined.")
    retryingEvents = serializers.IntegerField()
    pendingEvents = serializers.IntegerField()
    averageDeliveryTime = serializers.FloatField(allow_null=True, help_text="Milliseconds.")
    startDate = serializers.IntegerField(help_text="Epoch milliseconds.")
    endDate = serializers.IntegerField(help_text="Epoch milliseconds.")
