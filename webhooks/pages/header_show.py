from dataclasses import replace

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from organizations import audit
from webhooks.form_headers import HeaderRow
from webhooks.forms import WebhookForm
from webhooks.models import Webhook
from webhooks.pages.form import EditPage


class HeaderShow(EditPage):
    """The stored value of one header, for somebody with Write who asks for it; it is recorded."""

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        stored = self.stored(public_id)
        wanted = request.POST.get("show", "")
        found = [pair for pair in stored.header_pairs if pair[0].lower() == wanted.lower()]
        if not found:
            return self._gone(stored)
        name, value = found[0]
        with transaction.atomic():
            audit.record(request, action="header shown", obj=stored, after={"headers": {name: 1}})
        if request.htmx:  # type: ignore[attr-defined]  # of django-htmx
            row = HeaderRow(_number(request), name, value, is_shown=True)
            answer = render(request, "includes/header_value.html", {"row": row, "stored": stored})
            answer["Cache-Control"] = "no-store"
            return answer
        return self.unchecked(stored, rows=self._rows(stored, name, value))

    def _rows(self, stored: Webhook, name: str, value: str) -> list[HeaderRow]:
        data = self.request.POST
        form = WebhookForm(organization=self.organization, stored=stored, kept=data)
        return [
            replace(row, value=value, stored="", is_shown=True) if row.stored == name else row
            for row in form.rows
        ]

    def _gone(self, stored: Webhook) -> HttpResponse:
        text = "This header is not stored any more."
        if self.request.htmx:  # type: ignore[attr-defined]  # of django-htmx
            context = {"row": HeaderRow(_number(self.request)), "stored": stored, "told": text}
            return render(self.request, "includes/header_value.html", context)
        messages.error(self.request, text)
        return self.unchecked(stored)


def _number(request: HttpRequest) -> str:
    """Of the row that asks; it comes back in ids."""
    number = request.POST.get("number", "")
    return number if number.isascii() and number.isdigit() and len(number) < 9 else "0"
