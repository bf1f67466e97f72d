"""Language, time zone, alerts and password: what somebody sets for themself, or for all."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from organizations import audit
from organizations.forms.preferences import (
    OrganizationTimeZoneForm,
    OwnAlertsForm,
    OwnTimeZoneForm,
)
from organizations.forms.sign_in import OwnPasswordForm
from organizations.models import Membership, Organization
from organizations.pages.form_page import FormPage
from organizations.pages.page import OwnPage


class PreferencesPage(FormPage):
    """One of the page's forms, `name`; what it changes is kept in the audit log."""

    name: ClassVar[str]

    template_name = "organizations/preferences.html"

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return self._make(self.name, data)

    def _make(self, name: str, data: QueryDict | None = None) -> forms.BaseForm:
        # A copy that a refused form may fill in: by the page's own, times are shown.
        if name == "shared":
            organization = self.organization
            if data is not None:
                organization = get_object_or_404(Organization, pk=organization.pk)
            return OrganizationTimeZoneForm(data, instance=organization)
        own = self.request.membership
        if data is not None:
            memberships = Membership.objects.select_related("organization", "user")
            own = get_object_or_404(memberships, pk=own.pk)
        form = OwnAlertsForm if name == "alerts" else OwnTimeZoneForm
        return form(data, instance=own)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        others = {name: self._make(name) for name in ("own", "shared", "alerts")}
        return {**context, **others, self.name: context["form"]}

    @transaction.atomic
    def post(self, *_: Any, **__: Any) -> HttpResponseBase:
        self.organization.lock()
        return super().post()

    def done(self, form: Any) -> HttpResponse:
        if form.has_changed():
            form.save()
            audit.record(
                self.request,
                action="changed",
                obj=form.instance,
                before={name: form.initial[name] for name in form.changed_data},
                after={name: form.cleaned_data[name] for name in form.changed_data},
            )
        messages.success(self.request, "Saved.")
        return redirect("preferences")


class Preferences(OwnPage, PreferencesPage):
    name = "own"


class OwnAlerts(OwnPage, PreferencesPage):
    """Whether the person gets e-mails of alerts."""

    http_method_names = ["post"]
    name = "alerts"


class OrganizationTimeZone(PreferencesPage):
    """The zone of everybody who has not chosen one; set by those with Write."""

    http_method_names = ["post"]
    name = "shared"


class PasswordChange(OwnPage, FormPage):
    """This session goes on, the person's other ones end."""

    template_name = "registration/password_change.html"

    def make_form(self, data: QueryDict | None) -> OwnPasswordForm:
        return OwnPasswordForm(self.request.membership.user, data)

    def done(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            user = form.save()
            audit.record(self.request, action="changed password", obj=user)
        update_session_auth_hash(self.request, user)
        messages.success(self.request, "Your password is changed.")
        return redirect("preferences")
