"""POST /v3/events."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery.intake import Accepted, Fate, ingest
from organizations.permissions import EventsAccess
from organizations.throttles import take

MOST_EVENTS = 1_000


class Ingest(APIView):
    """Take one event, or an array of up to 1,000.

    Answered with 202 when everything accepted is committed; in an array each event stands alone.
    """

    permission_classes = [EventsAccess]
    throttle_classes = []  # counted in events, below
    max_body_bytes = settings.MAX_EVENTS_BYTES
    elements_stand_alone = True

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        body: Any = request.data
        is_array = isinstance(body, list)
        bodies = body if is_array else [body]
        if not 1 <= len(bodies) <= MOST_EVENTS:
            message = f"An array holds 1 to {MOST_EVENTS} events."
            raise ValidationError([ErrorDetail(message, code="events_count_invalid")])
        caller: Any = request.user
        wait_s = take(f"events:{caller.throttle_key}", len(bodies), settings.EVENTS_PER_MINUTE)
        if wait_s is not None:
            raise Throttled(wait_s)
        fates = ingest(
            bodies,
            organization=caller.organization,
            request_id=request._request.request_id,  # type: ignore[attr-defined]
            received_from=str(caller.actor["code"])[:100],
        )
        if not is_array:
            if isinstance(fates[0], ValidationError):
                raise fates[0]
            return Response(_shown(fates[0]), status=status.HTTP_202_ACCEPTED)
        rejected = [fate for fate in fates if isinstance(fate, ValidationError)]
        if len(rejected) == len(fates):
            raise ValidationError(
                {f"[{place}]": fate.detail for place, fate in enumerate(rejected)}
            )
        return Response([_shown(fate) for fate in fates], status=status.HTTP_202_ACCEPTED)


def _shown(fate: Fate) -> dict[str, Any]:
    if isinstance(fate, Accepted):
        return {
            "eventId": fate.event_id,
            "status": "duplicate" if fate.is_duplicate else "accepted",
        }
    return {"status": "rejected", "errors": fate}
