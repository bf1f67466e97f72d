from dataclasses import replace

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from organizations import audit
from organizations.digits import number_of
from webhooks.form_headers import HeaderRow
from webhooks.forms import WebhookForm
from webhooks.models import Webhook
from webhooks.pages.form import EditPage

MAX_ROW = 10**6


class HeaderShow(EditPage):
    """The stored value of one header, for somebody with Write who asks for it; it is recorded."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        stored = self.stored()
        wanted = request.POST.get("show", "")
        found = [pair for pair in stored.header_pairs if pair[0].lower() == wanted.lower()]
        if not found:
            return self._gone(stored)
        name, value = found[0]
        with transaction.atomic():
            audit.record(request, action="header shown", obj=stored, after={"headers": {name: 1}})
        if self.request.htmx:
            row = HeaderRow(self._number(), name, value, is_shown=True)
            context = {"row": row, "stored": stored}
            return render(request, "includes/header_value.html", context)
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
        if self.request.htmx:
            context = {"row": HeaderRow(self._number()), "stored": stored, "told": text}
            return render(self.request, "includes/header_value.html", context)
        messages.error(self.request, text)
        return self.unchecked(stored)

    def _number(self) -> int:
        """Of the row that asks; it comes back in ids."""
        return number_of(self.request.POST.get("number", ""), MAX_ROW) or 0
