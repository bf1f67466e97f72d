"""API credentials: how a brand's tills and integrations sign in."""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import Case, Q, Value, When
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from organizations import audit
from organizations.authentication import remembered
from organizations.creation import NewCredential, create_credential
from organizations.forms.credential import CredentialForm
from organizations.models import Access, Credential
from organizations.pages.form_page import FormPage
from organizations.pages.page import TemplatePage

PER_PAGE = 50


class CredentialList(TemplatePage):
    """Those that can be used first."""

    section = "credentials"
    template_name = "organizations/credential_list.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now())
        credentials = Credential.objects.for_organization(self.organization).order_by(
            Case(When(ended, then=Value(1)), default=Value(0)), "code"
        )
        page = Paginator(credentials, PER_PAGE).get_page(self.request.GET.get("page"))
        return {**context, "page_obj": page, "credentials": page.object_list}


class CredentialAdd(FormPage):
    """The secrets are in the answer to the POST and nowhere else: who loads it again, asks again,
    and the code is taken by then."""

    section = "credentials"
    reads = Access.WRITE
    template_name = "organizations/credential_form.html"

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return CredentialForm(self.organization, data)

    def done(self, form: Any) -> HttpResponse:
        try:
            made = self._create(form.cleaned_data)
        except IntegrityError as error:
            raise ValidationError({"code": "Somebody has just taken this code."}) from error
        context = {
            "credential": made.credential,
            "issued": made.issued,
            "password_md5": hashlib.md5(
                made.issued.password.encode(), usedforsecurity=False
            ).hexdigest(),
        }
        return render(self.request, "organizations/credential_secrets.html", context)

    @transaction.atomic
    def _create(self, data: dict[str, Any]) -> NewCredential:
        made = create_credential(
            self.organization,
            data["code"],
            name=data["name"],
            webhooks=Access(data["webhooks_access"]),
            events=data["may_write_events"],
            expires_at=data["expires_at"],
        )
        audit.record(
            self.request, action="created", obj=made.credential, after=_audited(made.credential)
        )
        return made


class CredentialRevoke(TemplatePage):
    section = "credentials"
    reads = Access.WRITE
    template_name = "organizations/credential_confirm_revoke.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return {**context, "credential": self._credential()}

    def post(self, *_: object, **__: object) -> HttpResponse:
        with transaction.atomic():
            credential = self._credential(locked=True)
            if credential.revoked_at is None:
                before = _audited(credential)
                credential.revoke()
                after = _audited(credential)
                audit.record(
                    self.request, action="revoked", obj=credential, before=before, after=after
                )
        remembered.forget(credential)
        messages.success(self.request, f"“{credential.code}” is revoked.")
        return redirect("credential-list")

    def _credential(self, *, locked: bool = False) -> Credential:
        credentials = Credential.objects.for_organization(self.organization)
        if locked:
            credentials = credentials.select_for_update()
        return get_object_or_404(credentials, pk=self.kwargs["credential_id"])


def _audited(credential: Credential) -> dict[str, Any]:
    return {
        "code": credential.code,
        "name": credential.name,
        "webhooks_access": str(credential.webhooks_access),
        "may_write_events": credential.may_write_events,
        "expires_at": credential.expires_at,
        "revoked_at": credential.revoked_at,
    }
