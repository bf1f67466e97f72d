from django.urls import path

from webhooks.pages import form, header_show, secret, url_check

ONE = "notifications/<str:public_id>"

urlpatterns = [
    path("notifications/new", form.WebhookAdd.as_view(), name="webhook-add"),
    path("notifications/check-url", url_check.UrlCheck.as_view(), name="webhook-url-check"),
    path(f"{ONE}/edit", form.WebhookEdit.as_view(), name="webhook-edit"),
    path(f"{ONE}/headers/show", header_show.HeaderShow.as_view(), name="webhook-header-show"),
    path(f"{ONE}/secret", secret.SecretShow.as_view(), name="webhook-secret"),
    path(f"{ONE}/secret/rotate", secret.SecretRotate.as_view(), name="webhook-secret-rotate"),
]
