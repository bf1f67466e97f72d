"""Members: who may do what in the organisation, and who is invited to it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from organizations import invitations, members
from organizations.forms.members import InvitationForm, MembershipForm
from organizations.models import Access, Invitation, Membership
from organizations.pages.form_page import FormPage
from organizations.pages.page import Page, TemplatePage

PER_PAGE = 50


class MembershipList(TemplatePage):
    section = "members"
    template_name = "organizations/membership_list.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        people = Membership.objects.for_organization(self.organization).select_related("user")
        page = Paginator(people, PER_PAGE).get_page(self.request.GET.get("page"))
        return {
            **context,
            "page_obj": page,
            "members": page.object_list,
            "invitations": self.organization.invitations.all().open(),
        }


class MembershipInvite(FormPage):
    """The link is in the answer to the POST and nowhere else."""

    section = "members"
    reads = Access.WRITE
    template_name = "organizations/invitation_form.html"

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return InvitationForm(data)

    def done(self, form: Any) -> HttpResponse:
        data = form.cleaned_data
        invitation, token = invitations.invite(
            self.organization,
            data["email"],
            access=Access(data["webhooks_access"]),
            may_write_events=data["may_write_events"],
            by=self.request,
        )
        link = self.request.build_absolute_uri(reverse("invitation-accept", args=[token]))
        context = {"invitation": invitation, "link": link}
        return render(self.request, "organizations/invitation_link.html", context)


class InvitationRevoke(Page):
    http_method_names = ["post"]
    section = "members"

    def post(self, *_: object, **__: object) -> HttpResponse:
        own = Invitation.objects.for_organization(self.organization)
        invitation = get_object_or_404(own, pk=self.kwargs["invitation_id"])
        try:
            invitations.revoke(invitation, self.request)
        except invitations.NoLongerOpen:
            messages.error(self.request, f"The invitation of {invitation} was not open any more.")
        else:
            messages.success(self.request, f"The invitation of {invitation} is revoked.")
        return redirect("membership-list")


class OfMember(Page):
    """A page about one member; other organisations' are not found."""

    section = "members"
    reads = Access.WRITE

    def member(self) -> Membership:
        people = Membership.objects.for_organization(self.organization)
        found: Membership = get_object_or_404(
            people.select_related("user", "organization"), pk=self.kwargs["membership_id"]
        )
        return found


class MembershipChange(OfMember, FormPage):
    template_name = "organizations/membership_form.html"

    def make_form(self, data: QueryDict | None) -> forms.BaseForm:
        return MembershipForm(data, instance=self.member())

    def done(self, form: Any) -> HttpResponse:
        try:
            changed = members.change(
                self.member(),
                access=Access(form.cleaned_data["webhooks_access"]),
                may_write_events=form.cleaned_data["may_write_events"],
                by=self.request,
            )
        except Membership.DoesNotExist:
            return self._gone()
        messages.success(self.request, f"Saved: {changed.person} has {changed.access.label}.")
        return redirect("membership-list")

    def _gone(self) -> HttpResponse:
        messages.error(self.request, "Somebody has removed this member meanwhile.")
        return redirect("membership-list")


class MembershipRemove(OfMember, TemplatePage):
    template_name = "organizations/membership_confirm_remove.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return {**context, "member": self.member()}

    def post(self, *_: object, **__: object) -> HttpResponse:
        member = self.member()
        try:
            members.remove(member, self.request)
        except ValidationError as error:
            return self.render(refusal=" ".join(error.messages))
        except Membership.DoesNotExist:
            messages.error(self.request, "Somebody has removed this member meanwhile.")
        else:
            messages.success(self.request, f"{member.person} is removed.")
        return redirect("membership-list")
