from django.urls import path

from webhooks.pages import form, header_show, secret, url_check
from webhooks.paths import ONE_WEBHOOK

urlpatterns = [
    path("notifications/new", form.WebhookAdd.as_view(), name="webhook-add"),
    path("notifications/check-url", url_check.UrlCheck.as_view(), name="webhook-url-check"),
    path(f"{ONE_WEBHOOK}/edit", form.WebhookEdit.as_view(), name="webhook-edit"),
    path(
        f"{ONE_WEBHOOK}/headers/show", header_show.HeaderShow.as_view(), name="webhook-header-show"
    ),
    path(f"{ONE_WEBHOOK}/secret", secret.SecretShow.as_view(), name="webhook-secret"),
    path(
        f"{ONE_WEBHOOK}/secret/rotate", secret.SecretRotate.as_view(), name="webhook-secret-rotate"
    ),
]
