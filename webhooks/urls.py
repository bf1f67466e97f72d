from django.urls import re_path

from events.paths import WEB_HOOKS
from webhooks import secret_api
from webhooks.api import WebhookViewSet

# To be included after those that stand below webHooks/ with a word of their own.
urlpatterns = [
    re_path(
        rf"^{WEB_HOOKS}/?\Z",
        WebhookViewSet.as_view({"get": "list", "post": "create"}),
        name="webhook-list",
    ),
    re_path(
        rf"^{WEB_HOOKS}/(?P<public_id>[^/]+)/signingSecret/?\Z",
        secret_api.SigningSecret.as_view(),
        name="signing-secret",
    ),
    re_path(
        rf"^{WEB_HOOKS}/(?P<public_id>[^/]+)/signingSecret/rotate/?\Z",
        secret_api.SigningSecretRotate.as_view(),
        name="signing-secret-rotate",
    ),
    re_path(
        rf"^{WEB_HOOKS}/(?P<public_id>[^/]+)/?\Z",
        WebhookViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="webhook-detail",
    ),
]
