from django.views.generic import TemplateView

from organizations.pages.page import Page


class WebhookAdd(Page, TemplateView):
    section = "notifications"
    template_name = "webhooks/webhook_form.html"
