"""Signing in, and choosing the organisation that the session is about."""

from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.generic import RedirectView

from organizations.authentication import ORGANIZATION_IN_SESSION
from organizations.forms.sign_in import SignInForm
from organizations.models import Membership
from organizations.pages.page import OwnPage


class SignIn(LoginView):
    template_name = "registration/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class Home(RedirectView):
    pattern_name = "webhook-list"


class ChooseOrganization(OwnPage):
    """Which of the user's organisations the session is about; others do not exist: 404."""

    http_method_names = ["post"]

    def post(self, *_: object) -> HttpResponse:
        wanted = self.request.POST.get("organization", "")
        memberships = Membership.objects.of_user(self.request.user)
        number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else 0
        membership = get_object_or_404(memberships, organization_id=number)
        self.request.session[ORGANIZATION_IN_SESSION] = membership.organization_id
        return redirect("home")
