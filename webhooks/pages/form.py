"""New notification, Duplicate and Edit."""

import re
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from organizations.models import Access
from organizations.pages.page import TemplatePage
from webhooks import rotation
from webhooks.form_headers import spare_rows
from webhooks.forms import WebhookForm
from webhooks.headers import MAX_HEADERS
from webhooks.models import Webhook, WebhookQuerySet
from webhooks.object_id import OBJECT_ID
from webhooks.pages.changes import (
    Seen,
    before_of,
    changes,
    merged_with,
    open_choices,
)
from webhooks.pages.taken import choose, take
from webhooks.pages.webhook_page import WebhookPage

OVERLAPS = (  # hours of both secrets, in words
    *((0, "Not at all"), (1, "For 1 hour"), (24, "For 24 hours")),
    *((72, "For 3 days"), (168, "For 7 days")),
)


class WebhookFormPage(TemplatePage):
    section = "notifications"
    reads = Access.WRITE
    template_name = "webhooks/webhook_form.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Of `form`. `rows` are its headers' as they shall be shown, if not as they are."""
        form: WebhookForm = context["form"]
        stored = form.stored
        rows = context.get("rows") or form.rows
        return {
            "model": form.model,
            "problems": list(form.problems) if form.is_bound else [],
            **context,
            "rows": rows[:MAX_HEADERS],
            "more_rows": rows[MAX_HEADERS:],
            "spare_rows": spare_rows(len(rows)),
            "picker": form.picker,
            "stored": stored,
            # What was typed differs from what is stored, so leaving the page asks.
            "has_typed": self.request.method == "POST",
            "cancel_url": _page_of(stored) if stored else reverse("webhook-list"),
            "overlaps": OVERLAPS,
            "secrets": rotation.signing(stored) if stored else [],
        }

    def saved(self, form: WebhookForm) -> HttpResponse | None:
        """None: the name was taken meanwhile, the form tells."""
        old = (form.stored.url, form.stored.url_secret) if form.stored else None
        try:
            webhook = form.draft.save(self.request)
        except ValidationError as broken:
            form.refuse(broken)
            return None
        moved = old is not None and old != (webhook.url, webhook.url_secret)
        note = " Pending deliveries use the new URL." if moved else ""
        messages.success(self.request, f"Saved.{note}")
        return HttpResponseRedirect(_page_of(webhook))

    def unchecked(
        self, stored: Webhook | None, model: Webhook | None = None, **context: Any
    ) -> HttpResponse:
        """The form as it was typed so far, for the buttons in it that do something else."""
        data = self.request.POST
        form = WebhookForm(organization=self.organization, stored=stored, model=model, kept=data)
        if stored is None:
            return self.render(form=form, **context)
        token = data.get("seen", "")
        seen = Seen.read(token, stored)
        told = open_choices(form, seen, stored, seen.clashes, data) if seen.clashes else None
        return self.render(form=form, seen=token, changes=told, **context)

    def model(self, data: QueryDict, webhooks: WebhookQuerySet) -> Webhook | None:
        """The webhook that a new one is copied from. Raises Http404."""
        public_id = data.get("from")
        if not public_id:
            return None
        return self.own_by_id(public_id, webhooks)

    def own_by_id(self, public_id: str, webhooks: WebhookQuerySet) -> Webhook:
        """Raises Http404."""
        if not re.fullmatch(OBJECT_ID, public_id):
            raise Http404
        own = webhooks.filter(organization=self.organization).with_related()
        return get_object_or_404(own, public_id=public_id)


class WebhookAdd(WebhookFormPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        model = self.model(request.GET, Webhook.objects.filter(deleted_at=None))
        return self.render(form=WebhookForm(organization=self.organization, model=model))

    def post(self, request: HttpRequest) -> HttpResponse:
        # One that was deleted while it was edited may be made anew of what was typed.
        model = self.model(request.POST, Webhook.objects.all())
        form = WebhookForm(request.POST, organization=self.organization, model=model)
        answer = self.saved(form) if form.is_valid() else None
        return answer or self.render(form=form)


class EditPage(WebhookPage, WebhookFormPage):
    """A page about one webhook that carries its form."""

    def stored(self) -> Webhook:
        return self.own(Webhook.objects.filter(deleted_at=None).with_related())


class WebhookEdit(EditPage):
    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        stored = self.stored()
        form = WebhookForm(organization=self.organization, stored=stored)
        return self.render(form=form, seen=Seen.of(stored).token(stored))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        data = request.POST.copy()
        with transaction.atomic():
            stored = self.own(Webhook.objects.select_for_update().with_related())
            if stored.deleted_at is not None:
                return self._deleted(stored, data)
            return self._change(stored, data)

    def _change(self, stored: Webhook, data: QueryDict) -> HttpResponse:
        seen = Seen.read(data.get("seen", ""), stored)
        unchosen = choose(data, seen.clashes, stored)
        form = WebhookForm(data, organization=self.organization, stored=stored)
        is_valid = form.is_valid()
        if stored.revision != seen.revision:
            merged = merged_with(form, seen, stored)
            if merged.taken or merged.clashes:
                told = changes(form, seen, stored, merged)
                take(data, merged.taken, stored)
                fresh = Seen.of(stored, before_of(seen, merged.clashes))
                form = WebhookForm(organization=self.organization, stored=stored, kept=data)
                token = fresh.token(stored)
                return self.render(form=form, seen=token, changes=told)
        if unchosen:
            return self._unchosen(form, stored, seen, unchosen)
        if is_valid and form.draft.changes_nothing:
            messages.success(self.request, "Nothing was changed.")
            return HttpResponseRedirect(_page_of(stored))
        answer = self.saved(form) if is_valid else None
        token = Seen(seen.revision, seen.at, seen.fields).token(stored)
        return answer or self.render(form=form, seen=token)

    def _unchosen(
        self, form: WebhookForm, stored: Webhook, seen: Seen, clashes: dict[str, str]
    ) -> HttpResponse:
        told = open_choices(form, seen, stored, clashes)
        wanted = [(row.choice, row.label, "Choose which version is kept.") for row in told.clashes]
        token = Seen(seen.revision, seen.at, seen.fields, clashes).token(stored)
        problems = [*wanted, *form.problems]
        return self.render(form=form, seen=token, changes=told, problems=problems)

    def _deleted(self, stored: Webhook, data: QueryDict) -> HttpResponse:
        """Nothing is saved and nothing lost: what was typed can be saved as a new webhook."""
        data["name"] = stored.name
        form = WebhookForm(organization=self.organization, model=stored, kept=data)
        return self.render(form=form, deleted=stored)


def _page_of(webhook: Webhook) -> str:
    return reverse("webhook-detail", args=[webhook.public_id])
