"""Event logs and metrics. Everything here needs Read on the resource Webhooks."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from delivery import log, metrics
from delivery.filters import ORDERS, LogFilter, PeriodFilter
from delivery.models import Delivery, State
from delivery.serializers import LogEntrySerializer, LogPageSerializer, MetricsSerializer
from events.models import Event
from organizations.authentication import caller_of
from organizations.models import Organization
from organizations.times import EPOCH
from webhooks.models import Webhook

CUT = f"There are more entries; these are the latest {log.MAX_ENTRIES}."


def _parameter(
    name: str, description: str, kind: Any = OpenApiTypes.STR, **options: Any
) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=description, **options)


PERIOD = [
    _parameter(
        "startDate",
        f"Epoch milliseconds; default and earliest {settings.RETENTION_DAYS} days ago.",
        OpenApiTypes.INT64,
    ),
    _parameter("endDate", "Epoch milliseconds; default now.", OpenApiTypes.INT64),
]
SELECTION = [
    _parameter("eventType", "Name of an event type. Not together with eventSearchKey."),
    _parameter("eventSearchKey", "The event's search key, or a customer's id or identifier."),
    _parameter("requestId", "The API request that brought the event."),
    _parameter("status", f"Of {', '.join(State)}; several with commas between."),
    _parameter("sortBy", "Default eventIngestionTimestamp:desc.", enum=list(ORDERS)),
    _parameter("page", "From 1.", OpenApiTypes.INT),
    _parameter("pageSize", "1 to 200, default 50.", OpenApiTypes.INT),
]


class LogView(GenericAPIView[Delivery]):
    serializer_class = LogEntrySerializer
    queryset = Delivery.objects.none()  # views read through delivery.log

    @property
    def organization(self) -> Organization:
        return caller_of(self.request).organization

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "zone": self.organization.zone}

    def webhook(self, consumer_group_id: str) -> Webhook:
        """Of this organisation, deleted or not; what it was sent stays readable."""
        try:
            wanted = uuid.UUID(consumer_group_id)
        except ValueError:
            wanted = None
        if wanted is None or str(wanted) != consumer_group_id.lower():
            raise NotFound("There is no such consumer group.")
        webhook = self.organization.webhooks.filter(consumer_group_id=wanted).first()
        if webhook is None:
            raise NotFound("There is no such consumer group.")
        return webhook

    def entry(self, event_id: str, consumer_group_id: str | None) -> Delivery:
        """Of that consumer group, else that of the oldest webhook. Raises NotFound."""
        webhook = self.webhook(consumer_group_id) if consumer_group_id else None
        delivery = log.of_event(self.organization, event_id, webhook)
        if delivery is not None:
            return delivery
        if webhook is None and self.has_event(event_id=event_id):
            raise NotFound("No webhook was to get this event.")
        raise NotFound("There is no such event." if webhook is None else "It did not go there.")

    def has_event(self, **condition: str) -> bool:
        return Event.objects.for_organization(self.organization).filter(**condition).exists()


class EventLog(LogView):
    @extend_schema(
        summary="What became of an event",
        responses=LogEntrySerializer,
        parameters=[_parameter("consumerGroupId", "Default: that of the oldest webhook.")],
    )
    def get(self, request: Request, event_id: str) -> Response:
        delivery = self.entry(event_id, request.query_params.get("consumerGroupId"))
        return Response(self.get_serializer(delivery).data)


class EntriesView(LogView):
    def answer(self, entries: log.Entries, **condition: str) -> Response:
        """An id that no event has is not found; events that went nowhere have no entries."""
        if not entries.deliveries and not self.has_event(**condition):
            raise NotFound("There is no event with this id.")
        response = Response(self.get_serializer(entries.deliveries, many=True).data)
        if entries.is_cut:
            response.warnings = [ErrorDetail(CUT, "entries_cut")]  # type: ignore[attr-defined]
        return response


class RequestLog(EntriesView):
    @extend_schema(
        summary="What became of the events of an API request",
        responses=LogEntrySerializer(many=True),
    )
    def get(self, _request: Request, request_id: str) -> Response:
        return self.answer(log.of_request(self.organization, request_id), request_id=request_id)


class ReferenceLog(EntriesView):
    @extend_schema(
        summary="What became of the events about an entity",
        responses=LogEntrySerializer(many=True),
    )
    def get(self, _request: Request, ref_id: str) -> Response:
        return self.answer(log.of_reference(self.organization, ref_id), ref_id=ref_id)


class ConsumerGroupLog(LogView):
    @extend_schema(
        summary="The log of a consumer group",
        parameters=[*SELECTION, *PERIOD],
        responses=LogPageSerializer,
    )
    def get(self, request: Request, consumer_group_id: str) -> Response:
        webhook = self.webhook(consumer_group_id)
        chosen = LogFilter(request.query_params, webhook, timezone.now())
        chosen.check()
        page = chosen.read_page()
        return Response(
            {
                "logs": self.get_serializer(page.deliveries, many=True).data,
                "page": page.number,
                "pageSize": page.size,
                "hasNext": page.has_next,
            }
        )


class ConsumerGroupMetrics(LogView):
    @extend_schema(
        summary="How deliveries to a consumer group went",
        parameters=PERIOD,
        responses=MetricsSerializer,
    )
    def get(self, request: Request, consumer_group_id: str) -> Response:
        webhook = self.webhook(consumer_group_id)
        chosen = PeriodFilter(request.query_params, webhook, timezone.now())
        chosen.check()
        numbers = metrics.of_webhook(webhook, chosen.period.start, chosen.limit)
        return Response(
            {
                "totalEvents": numbers.total,
                "deliveredEvents": numbers.delivered,
                "failedEvents": numbers.failed,
                "retryingEvents": numbers.retrying,
                "pendingEvents": numbers.pending,
                "averageDeliveryTime": numbers.average_delivery_ms,
                "startDate": _epoch_ms(chosen.period.start),
                "endDate": _epoch_ms(chosen.period.end),
            }
        )


def _epoch_ms(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds() * 1000)
