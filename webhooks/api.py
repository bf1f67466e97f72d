from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from organizations.authentication import caller_of
from webhooks.draft import delete
from webhooks.filters import WebhookFilter
from webhooks.models import Webhook, WebhookQuerySet
from webhooks.serializers import WebhookSerializer


class ResponseWithWarnings(Response):
    def __init__(self, data: Any, warnings: list[ErrorDetail]) -> None:
        super().__init__(data)
        self.warnings = warnings


@extend_schema_view(
    list=extend_schema(summary="All webhooks, the oldest first"),
    retrieve=extend_schema(summary="One webhook"),
)
class WebhookViewSet(GenericViewSet[Webhook]):
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    queryset = Webhook.objects.none()  # requests read get_queryset

    def get_queryset(self) -> WebhookQuerySet:
        organization = caller_of(self.request).organization
        return Webhook.objects.for_organization(organization).with_related()

    def get_serializer_context(self) -> dict[str, Any]:
        caller = caller_of(self.request)
        return {
            **super().get_serializer_context(),
            "organization": caller.organization,
            "zone": caller.organization.zone,
            "show_values": caller.access.may_write,
        }

    def list(self, request: Request) -> Response:
        webhooks = self.filter_queryset(self.get_queryset())
        return Response(self.get_serializer(webhooks, many=True).data)

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self.get_serializer(one_webhook(self.get_queryset(), public_id)).data)

    @extend_schema(summary="Add a webhook", responses={200: WebhookSerializer})
    def create(self, request: Request) -> Response:
        serializer = WebhookSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        warnings = serializer.warnings
        serializer.save()
        return ResponseWithWarnings(serializer.data, warnings)

    @extend_schema(
        summary="Replace a webhook", description="What is not given gets its default again."
    )
    def update(self, request: Request, public_id: str) -> Response:
        return self._change(request, public_id, partial=False)

    @extend_schema(summary="Change the given fields of a webhook")
    def partial_update(self, request: Request, public_id: str) -> Response:
        return self._change(request, public_id, partial=True)

    def _change(self, request: Request, public_id: str, *, partial: bool) -> Response:
        body = request.data  # read before the row is locked: a slow sender must not hold it
        with transaction.atomic():
            webhook = one_webhook(self.get_queryset().select_for_update(), public_id)
            serializer = WebhookSerializer(
                webhook, data=body, partial=partial, context=self.get_serializer_context()
            )
            serializer.is_valid(raise_exception=True)
            warnings = serializer.warnings
            serializer.save()
        return ResponseWithWarnings(serializer.data, warnings)

    @extend_schema(
        summary="Delete a webhook",
        description="It gets no further event; its logs stay, its name is free again.",
        responses={200: WebhookSerializer},
    )
    def destroy(self, request: Request, public_id: str) -> Response:
        with transaction.atomic():
            webhook = one_webhook(self.get_queryset().select_for_update(), public_id)
            delete(webhook, request)
        return Response(self.get_serializer(webhook).data)


def one_webhook(webhooks: WebhookQuerySet, public_id: str) -> Webhook:
    """Raises ValidationError: an id that is not there is a bad request in this API."""
    webhook = webhooks.filter(public_id=public_id).first()
    if webhook is None:
        message = "The webHookId is invalid or not found."
        raise ValidationError({"webHookId": [ErrorDetail(message, "webhook_not_found")]})
    return webhook
