"""Accepting an invitation: open to whoever holds its link."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from organizations.addresses import caller_site
from organizations.authentication import ORGANIZATION_IN_SESSION
from organizations.forms.members import AcceptForm
from organizations.invitations import NoLongerOpen, account_of, join, join_as_new
from organizations.models import Invitation, Membership, SignInAttempts
from organizations.models.sign_in import subject_of
from organizations.pages.form_page import add_problems, problems

BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class InvitationAccept(View):
    """A new user chooses name and password; whoever has an account signs in first and confirms.

    Of a link that can not be used any more only that is told, not whose it was. Five unknown
    links from one address lock that address out, like failed sign-ins.
    """

    http_method_names = ["get", "post"]
    invitation: Invitation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found, is_locked = _looked_up(self.kwargs["token"], request)
        if is_locked:
            return self._ended("locked", HTTPStatus.TOO_MANY_REQUESTS)
        if found is None:
            return self._ended("unknown", HTTPStatus.NOT_FOUND)
        if not found.is_open:
            return self._ended(_end_of(found), HTTPStatus.GONE)
        self.invitation = found
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **_: object) -> HttpResponse:
        return self._page(AcceptForm())

    def post(self, request: HttpRequest, **_: object) -> HttpResponse:
        try:
            if request.user.is_authenticated:
                join(self.invitation, request.user, request)
                return self._welcome()
            return self._join_as_new()
        except NoLongerOpen:
            self.invitation.refresh_from_db()
            return self._ended(_end_of(self.invitation), HTTPStatus.GONE)
        except ValidationError:  # a member already: the page says so
            return self._page(AcceptForm())

    def _join_as_new(self) -> HttpResponse:
        form = AcceptForm(self.request.POST)
        if form.is_valid():
            data = form.cleaned_data
            try:
                membership = join_as_new(
                    self.invitation,
                    self.request,
                    full_name=data["full_name"],
                    password=data["password"],
                )
            except ValidationError as error:
                add_problems(form, error)
            else:
                login(self.request, membership.user, BACKEND)
                return self._welcome()
        return self._page(form)

    def _welcome(self) -> HttpResponse:
        self.request.session[ORGANIZATION_IN_SESSION] = self.invitation.organization_id
        return redirect("home")

    def _page(self, form: AcceptForm) -> HttpResponse:
        user = self.request.user
        context = {
            "invitation": self.invitation,
            "form": form,
            "problems": problems(form),
            "is_member": isinstance(user, User) and _is_member(self.invitation, user),
            "has_account": account_of(self.invitation.email) is not None,
        }
        return render(self.request, "organizations/invitation_accept.html", context)

    def _ended(self, why: str, status: HTTPStatus) -> HttpResponse:
        context = {"why": why}
        return render(self.request, "organizations/invitation_ended.html", context, status=status)


def _looked_up(token: str, request: HttpRequest) -> tuple[Invitation | None, bool]:
    """The invitation, and whether this address is locked: then nothing was looked up."""
    attempts, subject = SignInAttempts.objects.all(), subject_of(f"link {caller_site(request)}")
    attempts.forget_old()
    if not attempts.begin(subject):
        return None, True
    found = Invitation.objects.all().with_token(token)
    if found is not None:
        attempts.take_back(subject)
    return found, False


def _end_of(invitation: Invitation) -> str:
    if invitation.accepted_at:
        return "accepted"
    return "revoked" if invitation.revoked_at else "expired"


def _is_member(invitation: Invitation, user: User) -> bool:
    own = Membership.objects.all().of_user(user)
    return own.filter(organization=invitation.organization).exists()
