from django.urls import re_path

from delivery import api
from delivery.ingest_api import Ingest
from delivery.test_api import WebhookTest
from events.paths import WEB_HOOKS

GROUP = r"events/consumer-groups/(?P<consumer_group_id>[^/]+)"

# Ids may hold slashes: they reach us decoded.
urlpatterns = [
    re_path(r"^events/?\Z", Ingest.as_view(), name="ingest"),
    re_path(
        rf"^{WEB_HOOKS}/eventLog/requestId/(?P<request_id>.+?)/?\Z",
        api.RequestLog.as_view(),
        name="request-log",
    ),
    re_path(
        rf"^{WEB_HOOKS}/eventLog/refId/(?P<ref_id>.+?)/?\Z",
        api.ReferenceLog.as_view(),
        name="reference-log",
    ),
    re_path(
        rf"^{WEB_HOOKS}/eventLog/(?P<event_id>.+?)/?\Z",
        api.EventLog.as_view(),
        name="event-log",
    ),
    re_path(
        rf"^{WEB_HOOKS}/(?P<public_id>[^/]+)/test/?\Z",
        WebhookTest.as_view(),
        name="webhook-test-send",
    ),
    re_path(rf"^{GROUP}/logs/?\Z", api.ConsumerGroupLog.as_view(), name="consumer-group-log"),
    re_path(
        rf"^{GROUP}/metrics/?\Z",
        api.ConsumerGroupMetrics.as_view(),
        name="consumer-group-metrics",
    ),
]
