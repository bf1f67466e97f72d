from typing import Any, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.fields import get_error_detail

from organizations.pages.page import Page
from webhooks import queue_password
from webhooks.api_words import words
from webhooks.draft import Draft
from webhooks.models import Webhook, WebhookType

BEGINNINGS = {
    WebhookType.HTTP: ("http://", "https://"),
    WebhookType.QUEUE: tuple(f"{scheme}://" for scheme in queue_password.PORTS),
}


class UrlCheck(Page):
    """What is wrong with a URL while it is typed. Nothing is sent to it."""

    section = "notifications"

    def post(self, request: HttpRequest) -> HttpResponse:
        url = request.POST.get("url", "")
        is_queue = request.POST.get("webhook_type") == WebhookType.QUEUE
        kind = WebhookType.QUEUE if is_queue else WebhookType.HTTP
        context = {"problems": [] if _has_just_begun(url, kind) else self._problems(url, kind)}
        return render(request, "includes/url_problem.html", context)

    def _problems(self, url: str, kind: WebhookType) -> list[str]:
        draft = self._draft()
        draft.webhook.webhook_type = kind
        draft.set_url(url)
        try:
            draft.webhook.clean()
        except ValidationError as broken:
            found = cast("dict[str, Any]", get_error_detail(broken))
            return words("url", found["url"]) if "url" in found else []
        return []

    def _draft(self) -> Draft:
        """Of the webhook whose password a mask in the URL stands for, if there is one."""
        data = self.request.POST
        public_id = data.get("webhook") or data.get("from") or ""
        own = Webhook.objects.filter(organization=self.organization)
        shown = own.filter(public_id=public_id).first() if "\0" not in public_id else None
        if shown is None:
            return Draft(Webhook(organization=self.organization), [], [])
        return Draft.of(shown)


def _has_just_begun(url: str, kind: WebhookType) -> bool:
    return any(beginning.startswith(url) for beginning in BEGINNINGS[kind])
