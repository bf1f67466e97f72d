from django.urls import re_path

from webhooks.api import WebhookViewSet

# To be included after those that stand below webHooks/ with a word of their own.
urlpatterns = [
    re_path(
        r"^(?i:webHooks)/?\Z",
        WebhookViewSet.as_view({"get": "list", "post": "create"}),
        name="webhook-list",
    ),
    re_path(
        r"^(?i:webHooks)/(?P<public_id>[^/]+)/?\Z",
        WebhookViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="webhook-detail",
    ),
]
