"""Language, time zone and password: what somebody sets for themself, or for all."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from organizations import audit
from organizations.forms.preferences import OrganizationTimeZoneForm, OwnTimeZoneForm
from organizations.forms.sign_in import OwnPasswordForm
from organizations.models import Membership, Organization
from organizations.pages.form_page import FormPage
from organizations.pages.page import OwnPage


class TimeZonePage(FormPage):
    """One of the page's two forms; what it changes is kept in the audit log."""

    template_name = "organizations/preferences.html"

    def own_form(self, data: QueryDict | None = None) -> forms.BaseForm:
        # A copy that a refused form may fill in: by the page's own, times are shown.
        own = Membership.objects.select_related("organization", "user")
        return OwnTimeZoneForm(data, instance=get_object_or_404(own, pk=self.request.membership.pk))

    def shared_form(self, data: QueryDict | None = None) -> forms.BaseForm:
        organization = self.organization
        if data is not None:
            organization = get_object_or_404(Organization, pk=organization.pk)
        return OrganizationTimeZoneForm(data, instance=organization)

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


class Preferences(OwnPage, TimeZonePage):
    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return self.own_form(data)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        return {**context, "own": context["form"], "shared": self.shared_form()}


class OrganizationTimeZone(TimeZonePage):
    """The zone of everybody who has not chosen one; set by those with Write."""

    http_method_names = ["post"]

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return self.shared_form(data)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        return {**context, "own": self.own_form(), "shared": context["form"]}


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
