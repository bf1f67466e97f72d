"""Replaying and cancelling deliveries. Looking needs Read on the resource Webhooks, all else
Write."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from delivery.api import LogView
from delivery.cancelling import MOST_CANCELLED, cancel_of_event, cancel_selected
from delivery.engine.clock import database_now
from delivery.models import Delivery, Replay
from delivery.replay.one import replay_one
from delivery.replay.progress import LATEST, progress_of
from delivery.replay.running import cancel, start
from delivery.replay.serializers import (
    BodySerializer,
    CancelledSerializer,
    CancelRequestSerializer,
    ConsumerGroupSerializer,
    ReplayRequestSerializer,
    ReplaySerializer,
)
from delivery.serializers import LogEntrySerializer
from organizations.authentication import caller_of
from webhooks.models import Webhook


def _read(body: BodySerializer) -> list[ErrorDetail]:
    """The warnings about a body. Raises ValidationError with all that is wrong with it."""
    body.is_valid(raise_exception=True)
    return body.warnings


class EventAction(LogView):
    """Something that is done about an event at one consumer group."""

    body_optional = True
    word = ""  # that the path ends with

    def post(self, request: Request, event_id: str) -> Response:
        body = ConsumerGroupSerializer(data=request.data)
        warnings = _read(body)
        entry = self.entry(event_id, body.validated_data.get("consumerGroupId"))
        response = self.act(entry)
        response.warnings = warnings  # type: ignore[attr-defined]
        return response

    def act(self, entry: Delivery) -> Response:
        raise NotImplementedError

    def shown(self, entry: Delivery) -> Any:
        """The entry as it is now."""
        event_id, group = entry.event.event_id, str(entry.webhook.consumer_group_id)
        return self.get_serializer(self.entry(event_id, group)).data

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """An event's id may end as this path does: then this is where to look at it."""
        if request.method != "GET":
            return super().http_method_not_allowed(request, *args, **kwargs)
        group = request.query_params.get("consumerGroupId")
        return Response(
            self.get_serializer(self.entry(f"{kwargs['event_id']}/{self.word}", group)).data
        )


class EventReplay(EventAction):
    word = "replay"

    @extend_schema(
        summary="Deliver an event again",
        description="Makes a new delivery, which is tried for 24 hours; the old one and its"
        " automatic retries stay as they are. 202 with the new entry; 200 with the entry that is"
        " there when the newest delivery has not been tried yet: of several requests at once one"
        " makes a delivery. 409 when it is in flight (51037) or the webhook not active (51039);"
        " 400 for a test (51058).",
        request=ConsumerGroupSerializer,
        responses={200: LogEntrySerializer, 202: LogEntrySerializer},
    )
    def post(self, request: Request, event_id: str) -> Response:
        return super().post(request, event_id)

    def act(self, entry: Delivery) -> Response:
        again = replay_one(entry, self.request)
        code = status.HTTP_202_ACCEPTED if again.is_new else status.HTTP_200_OK
        return Response(self.shown(entry), status=code)


class EventCancel(EventAction):
    word = "cancel"

    @extend_schema(
        summary="Cancel what waits of an event",
        description="Every delivery of it to the consumer group that is pending or retrying."
        " 409 when it is in flight (51037) or has ended (51059).",
        request=ConsumerGroupSerializer,
        responses=LogEntrySerializer,
    )
    def post(self, request: Request, event_id: str) -> Response:
        return super().post(request, event_id)

    def act(self, entry: Delivery) -> Response:
        cancel_of_event(entry, self.request)
        return Response(self.shown(entry))


class WebhookView(GenericAPIView[Any]):
    """About the deliveries of one webhook, which its path names."""

    serializer_class = ReplaySerializer
    queryset = Replay.objects.none()  # views read replays of the webhook

    def own(self) -> Webhook:
        """Raises ValidationError: an id that is not there is a bad request in this API."""
        webhooks = Webhook.objects.for_organization(caller_of(self.request).organization)
        related = webhooks.select_related("organization").prefetch_related("subscriptions")
        webhook = related.filter(public_id=self.kwargs["public_id"]).first()
        if webhook is None:
            problem = ErrorDetail("The webHookId is invalid or not found.", "webhook_not_found")
            raise ValidationError({"webHookId": [problem]})
        return webhook

    def one(self, webhook: Webhook) -> Replay:
        try:
            wanted = uuid.UUID(self.kwargs["replay_id"])
        except ValueError:
            wanted = None
        replay = webhook.replays.filter(pk=wanted).first() if wanted else None
        if replay is None:
            raise NotFound("There is no such replay.")
        return replay

    def get_serializer_context(self) -> dict[str, Any]:
        zone = caller_of(self.request).organization.zone
        return {**super().get_serializer_context(), "zone": zone}

    def shown(self, replay: Replay) -> Any:
        (progress,) = progress_of([replay])
        return self.get_serializer(progress).data


class ReplayList(WebhookView):
    @extend_schema(
        summary="The latest replays of a webhook",
        description=f"At most {LATEST}, the latest first.",
        responses=ReplaySerializer(many=True),
    )
    def get(self, _request: Request, public_id: str) -> Response:
        latest = self.own().replays.select_related("webhook").order_by("-id")[:LATEST]
        return Response(self.get_serializer(progress_of(latest), many=True).data)

    @extend_schema(
        summary="Deliver a range of events again",
        description="Each event once. New events go first. 409 when another replay of this"
        " webhook is being made (51038) or the webhook is not active (51039).",
        request=ReplayRequestSerializer,
        responses={202: ReplaySerializer},
    )
    def post(self, request: Request, public_id: str) -> Response:
        data = request.data
        webhook = self.own()
        body = ReplayRequestSerializer(data=data, context={"webhook": webhook})
        warnings = _read(body)
        replay = start(webhook, body.choice(database_now()), request)
        response = Response(self.shown(replay), status=status.HTTP_202_ACCEPTED)
        response.warnings = warnings  # type: ignore[attr-defined]
        return response


CANCEL_DESCRIPTION = (
    "Makes nothing more, and cancels what it made and waits; what is in flight ends by itself."
    " One that is over stays as it is."
)


class ReplayDetail(WebhookView):
    @extend_schema(summary="How far a replay is", responses=ReplaySerializer)
    def get(self, _request: Request, public_id: str, replay_id: str) -> Response:
        return Response(self.shown(self.one(self.own())))

    @extend_schema(
        summary="Stop a replay", description=CANCEL_DESCRIPTION, responses={200: ReplaySerializer}
    )
    def delete(self, request: Request, public_id: str, replay_id: str) -> Response:
        replay = self.one(self.own())
        cancel(replay, request)
        replay.refresh_from_db()
        return Response(self.shown(replay))


class ReplayCancel(WebhookView):
    @extend_schema(
        summary="Stop a replay",
        description=CANCEL_DESCRIPTION,
        request=None,
        responses={200: ReplaySerializer},
    )
    def post(self, request: Request, public_id: str, replay_id: str) -> Response:
        replay = self.one(self.own())
        cancel(replay, request)
        replay.refresh_from_db()
        return Response(self.shown(replay))


class WebhookCancel(WebhookView):
    body_optional = True

    @extend_schema(
        summary="Cancel what waits for a webhook",
        description=f"All of it or a part, at most {MOST_CANCELLED:,} with one request. What is in"
        " flight ends by itself; a replay that is being made goes on.",
        request=CancelRequestSerializer,
        responses=CancelledSerializer,
    )
    def post(self, request: Request, public_id: str) -> Response:
        data = request.data
        webhook = self.own()
        body = CancelRequestSerializer(data=data, context={"webhook": webhook})
        warnings = _read(body)
        cancelled = cancel_selected(webhook, body.selection(), request)
        shown = {"cancelled": cancelled.count, "hasMore": cancelled.has_more}
        response = Response(CancelledSerializer(shown).data)
        response.warnings = warnings  # type: ignore[attr-defined]
        return response
