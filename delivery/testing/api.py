"""POST /v3/webHooks/{webHookId}/test."""

import json
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from delivery.models import State
from delivery.serializers import TestAnswerSerializer, TestSerializer
from delivery.testing import body as bodies
from delivery.testing.send import SentTest, send_test
from events.envelope import MAX_NAME
from organizations.authentication import caller_of
from organizations.serializers import fields_unknown
from webhooks.api import ResponseWithWarnings, one_webhook
from webhooks.models import Webhook

FIELDS = {"eventName", "data", "event"}
AROUND_THE_EVENT_BYTES = 1024


class WebhookTest(APIView):
    max_body_bytes = settings.MAX_EVENT_BYTES + AROUND_THE_EVENT_BYTES

    @extend_schema(
        summary="Send a test event now",
        description=(
            "Sends the sample of the event type, or a body of your own, to the webhook: at once,"
            " whether it is active and subscribed or not. Answered with 200 when it was sent,"
            " whatever the receiver said; `delivered` tells that. A test counts nowhere and is"
            " never replayed."
        ),
        request=TestSerializer,
        responses={200: TestAnswerSerializer},
    )
    def post(self, request: Request, public_id: str) -> Response:
        body: Any = request.data
        organization = caller_of(request).organization
        webhook = one_webhook(Webhook.objects.for_organization(organization), public_id)
        item = bodies.checked(
            organization,
            _name(body),
            data=body.get("data"),
            event=body.get("event"),
            request_id=request._request.request_id,  # type: ignore[attr-defined]
        )
        tested = send_test(webhook, item, request)
        warnings = [_mismatch(failure) for failure in item.failures or ()]
        unknown = fields_unknown([name for name in body if name not in FIELDS])
        return ResponseWithWarnings(_shown(tested), [*warnings, *unknown])


def _name(body: Any) -> str:
    """Raises ValidationError."""
    if not isinstance(body, dict):
        raise ValidationError([ErrorDetail("The body is not a JSON object.", "not_an_object")])
    name = body.get("eventName")
    if name in (None, ""):
        detail = ErrorDetail("eventName is missing.", "event_name_missing")
    elif not isinstance(name, str) or len(name) > MAX_NAME:
        detail = ErrorDetail("eventName is the name of an event type.", "event_name_invalid")
    else:
        return name
    raise ValidationError({"eventName": [detail]})


def _mismatch(failure: dict[str, str]) -> ErrorDetail:
    where = failure["path"] or "The event"
    return ErrorDetail(f"{where}: {failure['message']}", "test_mismatch")


def _shown(tested: SentTest) -> dict[str, Any]:
    delivery, attempt = tested.delivery, tested.attempt
    return {
        "eventId": delivery.event.event_id,
        "eventName": delivery.event.name,
        "delivered": delivery.state == State.DELIVERED,
        "webhookHttpStatus": attempt.status,
        "responseHeaders": json.loads(attempt.response_headers),
        "responseBody": attempt.response_body,
        "responseBodyTruncated": attempt.body_truncated,
        "time_taken": attempt.duration_ms,
        "error": attempt.error or None,
        "errorDetail": attempt.detail or None if attempt.error else None,
        "acknowledgement": None if attempt.error else attempt.detail or None,
        "address": attempt.address or None,
        "requestHeaders": json.loads(attempt.request_headers),
        "requestBody": tested.body,
    }
