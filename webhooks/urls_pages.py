from django.urls import path

from webhooks.pages import form

urlpatterns = [
    path("notifications/new", form.WebhookAdd.as_view(), name="webhook-add"),
]
