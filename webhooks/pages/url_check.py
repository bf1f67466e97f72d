from typing import Any, cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.fields import get_error_detail

from organizations.pages.page import Page
from webhooks.api_words import words
from webhooks.models import Webhook, WebhookType

BEGINNINGS = {
    WebhookType.HTTP: ("http://", "https://"),
    WebhookType.QUEUE: ("amqp://", "amqps://", "redis://", "rediss://", "sqs://"),
}
OF_A_QUEUE = "For a queue, choose the type Queue under “More”."


class UrlCheck(Page):
    """What is wrong with a URL while it is typed. Nothing is sent to it."""

    section = "notifications"

    def post(self, request: HttpRequest) -> HttpResponse:
        url = request.POST.get("url", "")
        is_queue = request.POST.get("webhook_type") == WebhookType.QUEUE
        kind = WebhookType.QUEUE if is_queue else WebhookType.HTTP
        context = {"problems": [] if _has_just_begun(url, kind) else _problems(url, kind)}
        return render(request, "includes/url_problem.html", context)


def _has_just_begun(url: str, kind: WebhookType) -> bool:
    return any(beginning.startswith(url) for beginning in BEGINNINGS[kind])


def _problems(url: str, kind: WebhookType) -> list[str]:
    try:
        Webhook(url=url, webhook_type=kind).clean()
    except ValidationError as broken:
        found = cast("dict[str, Any]", get_error_detail(broken))
        problems = words("url", found.get("url", []))
        if kind == WebhookType.HTTP and url.startswith(BEGINNINGS[WebhookType.QUEUE]):
            problems.append(OF_A_QUEUE)
        return problems
    return []
