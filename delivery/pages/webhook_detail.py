from django.views.generic import TemplateView

from organizations.pages.page import Page


class WebhookDetail(Page, TemplateView):
    section = "notifications"
    template_name = "webhooks/webhook_detail.html"
