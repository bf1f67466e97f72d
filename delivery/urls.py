from django.urls import re_path

from delivery import api
from delivery.ingest_api import Ingest
from delivery.replay import api as replay_api
from delivery.testing.api import WebhookTest
from events.paths import WEB_HOOKS

GROUP = r"events/consumer-groups/(?P<consumer_group_id>[^/]+)"

ONE = rf"{WEB_HOOKS}/(?P<public_id>[^/]+)"
ONE_REPLAY = rf"{ONE}/replay/(?P<replay_id>[^/]+)"

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
        rf"^{WEB_HOOKS}/eventLog/(?P<event_id>.+?)/replay/?\Z",
        replay_api.EventReplay.as_view(),
        name="event-replay",
    ),
    re_path(
        rf"^{WEB_HOOKS}/eventLog/(?P<event_id>.+?)/cancel/?\Z",
        replay_api.EventCancel.as_view(),
        name="event-cancel",
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
    re_path(rf"^{ONE}/replay/?\Z", replay_api.ReplayList.as_view(), name="replay-list"),
    re_path(rf"^{ONE_REPLAY}/?\Z", replay_api.ReplayDetail.as_view(), name="replay"),
    re_path(rf"^{ONE_REPLAY}/cancel/?\Z", replay_api.ReplayCancel.as_view(), name="replay-stop"),
    re_path(rf"^{ONE}/cancel/?\Z", replay_api.WebhookCancel.as_view(), name="webhook-cancel"),
    re_path(rf"^{GROUP}/logs/?\Z", api.ConsumerGroupLog.as_view(), name="consumer-group-log"),
    re_path(
        rf"^{GROUP}/metrics/?\Z",
        api.ConsumerGroupMetrics.as_view(),
        name="consumer-group-metrics",
    ),
]
