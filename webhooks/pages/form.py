"""New notification, Duplicate and Edit."""

import re
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse

from organizations.models import Access
from organizations.pages.page import Page
from webhooks import signing_secrets
from webhooks.form_headers import spare_rows
from webhooks.forms import WebhookForm
from webhooks.headers import MAX_HEADERS
from webhooks.models import Webhook, WebhookQuerySet
from webhooks.pages.changes import (
    Seen,
    before_of,
    changes,
    choose,
    merged_with,
    open_choices,
    take,
)

PUBLIC_ID = re.compile(r"[0-9a-f]{24}")
OVERLAPS = (  # hours of both secrets, in words
    *((0, "Not at all"), (1, "For 1 hour"), (24, "For 24 hours")),
    *((72, "For 3 days"), (168, "For 7 days")),
)


class FormPage(Page):
    section: ClassVar[str] = "notifications"
    reads: ClassVar[Access] = Access.WRITE

    def webhook(self, webhooks: WebhookQuerySet, public_id: str) -> Webhook:
        """Raises Http404."""
        known = webhooks.filter(organization=self.organization).with_related()
        found = (
            known.filter(public_id=public_id).first() if PUBLIC_ID.fullmatch(public_id) else None
        )
        if found is None:
            raise Http404
        return found

    def shown(self, form: WebhookForm, **context: Any) -> HttpResponse:
        """The page. What was typed differs from what is stored, so leaving it asks."""
        stored, model = form.stored, form.model
        has_typed = self.request.method == "POST"
        rows = context.pop("rows", None) or form.rows
        base = {
            "form": form,
            "rows": rows[:MAX_HEADERS],
            "more_rows": rows[MAX_HEADERS:],
            "spare_rows": spare_rows(len(rows)),
            "picker": form.picker,
            "stored": stored,
            "model": model,
            "problems": list(form.problems) if form.is_bound else [],
            "has_typed": has_typed,
            "cancel_url": _page_of(stored) if stored else reverse("webhook-list"),
            "overlaps": OVERLAPS,
            "secrets": signing_secrets.signing(stored) if stored else [],
        }
        return render(self.request, "webhooks/webhook_form.html", base | context)

    def saved(self, form: WebhookForm) -> HttpResponse | None:
        """None: the name was taken meanwhile, the form tells."""
        old_url = form.stored.url if form.stored else None
        try:
            webhook = form.draft.save(self.request)
        except ValidationError as broken:
            form.refuse(broken)
            return None
        moved = old_url is not None and old_url != webhook.url
        note = " Pending deliveries use the new URL." if moved else ""
        messages.success(self.request, f"Saved.{note}")
        return HttpResponseRedirect(_page_of(webhook))


class WebhookAdd(FormPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        model = self._model(request.GET, Webhook.objects.filter(deleted_at=None))
        return self.shown(WebhookForm(organization=self.organization, model=model))

    def post(self, request: HttpRequest) -> HttpResponse:
        # One that was deleted while it was edited may be made anew of what was typed.
        model = self._model(request.POST, Webhook.objects.all())
        form = WebhookForm(request.POST, organization=self.organization, model=model)
        answer = self.saved(form) if form.is_valid() else None
        return answer or self.shown(form)

    def _model(self, data: QueryDict, webhooks: WebhookQuerySet) -> Webhook | None:
        public_id = data.get("from")
        return self.webhook(webhooks, public_id) if public_id else None


class EditPage(FormPage):
    """A page about one webhook that carries its form."""

    def stored(self, public_id: str) -> Webhook:
        return self.webhook(Webhook.objects.filter(deleted_at=None), public_id)

    def unchecked(self, stored: Webhook, **context: Any) -> HttpResponse:
        """The form as it was typed so far, for the buttons in it that do something else."""
        data = self.request.POST
        form = WebhookForm(organization=self.organization, stored=stored, kept=data)
        token = data.get("seen", "")
        seen = Seen.read(token, stored)
        told = open_choices(form, seen, stored, seen.clashes, data) if seen.clashes else None
        answer = self.shown(form, seen=token, changes=told, **context)
        answer["Cache-Control"] = "no-store"
        return answer


class WebhookEdit(EditPage):
    def get(self, request: HttpRequest, public_id: str) -> HttpResponse:
        stored = self.stored(public_id)
        form = WebhookForm(organization=self.organization, stored=stored)
        return self.shown(form, seen=Seen.of(stored).token(stored))

    def post(self, request: HttpRequest, public_id: str) -> HttpResponse:
        data = request.POST.copy()
        with transaction.atomic():
            stored = self.webhook(Webhook.objects.select_for_update(), public_id)
            if stored.deleted_at is not None:
                return self._deleted(stored, data)
            return self._change(stored, data)

    def _change(self, stored: Webhook, data: QueryDict) -> HttpResponse:
        seen = Seen.read(data.get("seen", ""), stored)
        unchosen = choose(data, seen, stored)
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
                return self.shown(form, seen=token, changes=told)
        if unchosen:
            return self._unchosen(form, stored, seen, unchosen)
        if is_valid and form.draft.changes_nothing:
            messages.success(self.request, "Nothing was changed.")
            return HttpResponseRedirect(_page_of(stored))
        answer = self.saved(form) if is_valid else None
        token = Seen(seen.revision, seen.at, seen.fields).token(stored)
        return answer or self.shown(form, seen=token)

    def _unchosen(
        self, form: WebhookForm, stored: Webhook, seen: Seen, clashes: dict[str, str]
    ) -> HttpResponse:
        told = open_choices(form, seen, stored, clashes)
        wanted = [(row.choice, row.label, "Choose which version is kept.") for row in told.clashes]
        token = Seen(seen.revision, seen.at, seen.fields, clashes).token(stored)
        problems = [*wanted, *form.problems]
        return self.shown(form, seen=token, changes=told, problems=problems)

    def _deleted(self, stored: Webhook, data: QueryDict) -> HttpResponse:
        """Nothing is saved and nothing lost: what was typed can be saved as a new webhook."""
        data["name"] = stored.name
        form = WebhookForm(organization=self.organization, model=stored, kept=data)
        return self.shown(form, deleted=stored)


def _page_of(webhook: Webhook) -> str:
    return reverse("webhook-detail", args=[webhook.public_id])
