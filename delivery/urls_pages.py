from django.urls import path

from delivery.pages import feed, webhook_detail, webhook_list

urlpatterns = [
    path("notifications", webhook_list.WebhookList.as_view(), name="webhook-list"),
    path(
        "notifications/<str:public_id>",
        webhook_detail.WebhookDetail.as_view(),
        name="webhook-detail",
    ),
    path("feed", feed.EventList.as_view(), name="event-list"),
]
