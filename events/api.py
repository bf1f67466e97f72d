"""The event catalogue as the caller's organisation sees it. Needs Read on Webhooks."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.event_types import known_event_types, sample_of, schema_of
from events.serializers import EventTypeDetailSerializer, EventTypeSerializer
from organizations.authentication import caller_of

SPELLINGS = {"true": True, "false": False, "": None}


class EventTypeList(APIView):
    @extend_schema(
        summary="Event types",
        description="Standard and custom ones, sorted by name.",
        parameters=[
            OpenApiParameter("active", OpenApiTypes.BOOL, description="Only these; default all.")
        ],
        responses=EventTypeSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        active = _active(request)
        types = known_event_types(caller_of(request).organization)
        chosen = [
            types[name] for name in sorted(types) if active is None or types[name].active is active
        ]
        return Response(
            EventTypeSerializer(chosen, many=True).data  # type: ignore[arg-type]  # many
        )


class EventTypeDetail(APIView):
    @extend_schema(summary="An event type", responses=EventTypeDetailSerializer)
    def get(self, request: Request, event_name: str) -> Response:
        organization = caller_of(request).organization
        try:
            event_type = known_event_types(organization)[event_name]
            context = {
                "schema": schema_of(organization, event_name),
                "sample": sample_of(organization, event_name),
            }
        except KeyError:
            raise NotFound("There is no such event type.") from None
        return Response(EventTypeDetailSerializer(event_type, context=context).data)


def _active(request: Request) -> bool | None:
    text = request.query_params.get("active", "").lower()
    if text not in SPELLINGS:
        raise ValidationError({"active": [ErrorDetail("Use true or false.", "invalid_choice")]})
    return SPELLINGS[text]
