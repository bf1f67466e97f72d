"""The signing secret of a webhook: looked at and rotated, by those who may write."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from organizations import audit
from organizations.authentication import caller_of
from organizations.encryption import Unreadable
from organizations.permissions import WebhooksWrite
from organizations.times import v3_time
from webhooks import rotation
from webhooks.api import ResponseWithWarnings, one_webhook
from webhooks.models import SigningSecret as StoredSecret
from webhooks.models import Webhook, WebhookQuerySet
from webhooks.serializers import RotationSerializer, SigningSecretSerializer

HOUR_S = 3_600


class SecretView(APIView):
    permission_classes = [WebhooksWrite]

    def own(self) -> WebhookQuerySet:
        return Webhook.objects.for_organization(caller_of(self.request).organization)

    def shown(self, webhook: Webhook) -> dict[str, Any]:
        """The newest secret is the one that stays; of the others only the end is told, so that a
        rotation is answered also where the key of the old ones is lost."""
        zone = caller_of(self.request).organization.zone
        newest = webhook.signing_secrets.order_by("-id").first()
        older = webhook.signing_secrets.filter(expires_at__gt=timezone.now()).order_by("-id")
        return {
            "signingSecret": _told(newest),
            "createdOn": v3_time(newest.created_at, zone) if newest else None,
            "olderSecretsSignUntil": [
                v3_time(until, zone)
                for until in older.values_list("expires_at", flat=True)
                if until is not None
            ],
        }


def _told(newest: StoredSecret | None) -> str | None:
    if newest is None or isinstance(newest.secret, Unreadable):
        return None
    return newest.secret


class SigningSecret(SecretView):
    @extend_schema(
        summary="The signing secret",
        description="Needs Write; that somebody looked is kept in the audit log.",
        responses=SigningSecretSerializer,
    )
    def get(self, request: Request, public_id: str) -> Response:
        webhook = one_webhook(self.own(), public_id)
        shown = self.shown(webhook)
        ids = list(webhook.signing_secrets.values_list("id", flat=True))
        audit.record(request, action="secret shown", obj=webhook, after={"signing_secret": ids})
        return Response(shown)


class SigningSecretRotate(SecretView):
    body_optional = True

    @extend_schema(
        summary="Rotate the signing secret",
        description=(
            "Makes a new secret and answers it. For the overlap the old one signs as well: a"
            " request has a signature of each, and receivers accept it with either."
        ),
        request=RotationSerializer,
        responses=SigningSecretSerializer,
    )
    def post(self, request: Request, public_id: str) -> Response:
        body: Any = request.data  # read before the row is locked
        with transaction.atomic():
            webhook = one_webhook(self.own().select_for_update(), public_id)
            asked = RotationSerializer(data=body)
            asked.is_valid(raise_exception=True)
            rotation.rotate(webhook, request, asked.validated_data["overlapInHours"] * HOUR_S)
        return ResponseWithWarnings(self.shown(webhook), asked.warnings)
