from django.urls import path

from delivery.pages import (
    alerts,
    delivery_actions,
    delivery_detail,
    event_detail,
    feed,
    form_previews,
    ranges,
    replays,
    verify_signatures,
    webhook_actions,
    webhook_detail,
    webhook_list,
    webhook_test,
)
from webhooks.paths import ONE_WEBHOOK

urlpatterns = [
    path("verify", verify_signatures.VerifySignatures.as_view(), name="verify-signatures"),
    path("notifications", webhook_list.WebhookList.as_view(), name="webhook-list"),
    path(
        "notifications/preview/enrichment",
        form_previews.EnrichmentPreviewPage.as_view(),
        name="webhook-enrichment-preview",
    ),
    path(
        "notifications/preview/filter",
        form_previews.FilterPreviewPage.as_view(),
        name="webhook-filter-preview",
    ),
    path(
        f"{ONE_WEBHOOK}/activate",
        webhook_actions.WebhookActivate.as_view(),
        name="webhook-activate",
    ),
    path(
        f"{ONE_WEBHOOK}/deactivate",
        webhook_actions.WebhookDeactivate.as_view(),
        name="webhook-deactivate",
    ),
    path(
        f"{ONE_WEBHOOK}/delete",
        webhook_actions.WebhookDelete.as_view(),
        name="webhook-delete",
    ),
    path(
        f"{ONE_WEBHOOK}/restore",
        webhook_actions.WebhookRestore.as_view(),
        name="webhook-restore",
    ),
    path(f"{ONE_WEBHOOK}/test", webhook_test.WebhookTest.as_view(), name="webhook-test"),
    path(
        ONE_WEBHOOK,
        webhook_detail.WebhookDetail.as_view(),
        name="webhook-detail",
    ),
    path(
        "deliveries/<uuid:delivery_id>",
        delivery_detail.DeliveryDetail.as_view(),
        name="delivery-detail",
    ),
    path("alerts", alerts.AlertList.as_view(), name="alert-list"),
    path(
        "deliveries/<uuid:delivery_id>/replay",
        delivery_actions.DeliveryReplay.as_view(),
        name="delivery-replay",
    ),
    path(
        "deliveries/<uuid:delivery_id>/cancel",
        delivery_actions.DeliveryCancel.as_view(),
        name="delivery-cancel",
    ),
    path(f"{ONE_WEBHOOK}/replay", ranges.WebhookReplay.as_view(), name="webhook-replay"),
    path(
        f"{ONE_WEBHOOK}/cancel-waiting",
        ranges.WebhookCancelWaiting.as_view(),
        name="webhook-cancel-waiting",
    ),
    path("replays/<uuid:replay_id>", replays.ReplayDetail.as_view(), name="replay-detail"),
    path("replays/<uuid:replay_id>/cancel", replays.ReplayCancel.as_view(), name="replay-cancel"),
    path("feed", feed.EventList.as_view(), name="event-list"),
    path("feed/new", feed.EventNews.as_view(), name="event-news"),
    path("feed/<uuid:event_row_id>", event_detail.EventDetail.as_view(), name="event-detail"),
    path(
        "feed/<uuid:event_row_id>/replay",
        delivery_actions.EventReplay.as_view(),
        name="event-replay-all",
    ),
    path(
        "feed/<uuid:event_row_id>/payload",
        event_detail.EventPayload.as_view(),
        name="event-payload",
    ),
]
