"""Language, time zone and password: what somebody sets for themself, or for all."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect

from organizations import audit
from organizations.forms.preferences import OrganizationTimeZoneForm, OwnTimeZoneForm
from organizations.forms.sign_in import OwnPasswordForm
from organizations.members import lock_organization
from organizations.models import Membership, Organization
from organizations.pages.form_page import FormPage, TemplatePage, problems
from organizations.pages.page import OwnPage


class Preferences(OwnPage, TemplatePage):
    template_name = "organizations/preferences.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        own = context.get("own") or OwnTimeZoneForm(instance=_own(self.request.membership))
        shared = OrganizationTimeZoneForm(instance=self.organization)
        return {**context, "own": own, "shared": shared, "problems": problems(own)}

    @transaction.atomic
    def post(self, *_: object, **__: object) -> HttpResponse:
        membership = _own(self.request.membership)
        before = {"own_time_zone": membership.own_time_zone}
        form = OwnTimeZoneForm(self.request.POST, instance=membership)
        if not form.is_valid():
            return self.render(own=form)
        if form.has_changed():
            form.save()
            after = {"own_time_zone": membership.own_time_zone}
            audit.record(self.request, action="changed", obj=membership, before=before, after=after)
        messages.success(self.request, "Saved.")
        return redirect("preferences")


class OrganizationTimeZone(TemplatePage):
    """The zone of everybody who has not chosen one; set by those with Write."""

    http_method_names = ["post"]
    template_name = "organizations/preferences.html"

    @transaction.atomic
    def post(self, *_: object, **__: object) -> HttpResponse:
        lock_organization(self.organization)
        organization = Organization.objects.get(pk=self.organization.pk)
        before = {"time_zone": organization.time_zone}
        form = OrganizationTimeZoneForm(self.request.POST, instance=organization)
        if not form.is_valid():
            own = OwnTimeZoneForm(instance=_own(self.request.membership))
            return self.render(own=own, shared=form, problems=problems(form))
        if form.has_changed():
            form.save()
            after = {"time_zone": organization.time_zone}
            audit.record(
                self.request, action="changed", obj=organization, before=before, after=after
            )
        messages.success(self.request, "Saved.")
        return redirect("preferences")


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


def _own(membership: Membership) -> Membership:
    """A copy that a refused form may fill in: the page's own decides in which zone it is shown."""
    return get_object_or_404(
        Membership.objects.select_related("organization", "user"), pk=membership.pk
    )
