from django.urls import re_path

from events.paths import WEB_HOOKS
from webhooks.api import WebhookViewSet

# To be included after those that stand below webHooks/ with a word of their own.
urlpatterns = [
    re_path(
        rf"^{WEB_HOOKS}/?\Z",
        WebhookViewSet.as_view({"get": "list", "post": "create"}),
        name="webhook-list",
    ),
    re_path(
        rf"^{WEB_HOOKS}/(?P<public_id>[^/]+)/?\Z",
        WebhookViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="webhook-detail",
    ),
]
