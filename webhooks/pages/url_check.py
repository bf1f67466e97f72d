from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import ErrorDetail

from organizations.pages.page import Page
from webhooks.api_words import words
from webhooks.rules import validate_http_url

BEGINNINGS = ("http://", "https://")


class UrlCheck(Page):
    """What is wrong with a URL while it is typed. Nothing is sent to it."""

    section = "notifications"

    def post(self, request: HttpRequest) -> HttpResponse:
        url = request.POST.get("url", "")
        context = {"problems": [] if _has_just_begun(url) else _problems(url)}
        return render(request, "includes/url_problem.html", context)


def _has_just_begun(url: str) -> bool:
    return any(beginning.startswith(url) for beginning in BEGINNINGS)


def _problems(url: str) -> list[str]:
    try:
        validate_http_url(url)
    except ValidationError as broken:
        return words("url", [ErrorDetail(str(text), broken.code) for text in broken.messages])
    return []
