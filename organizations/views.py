from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.generic import TemplateView, View

from organizations.authentication import ORGANIZATION_IN_SESSION, chosen_membership
from organizations.forms import SignInForm
from organizations.models import Membership


class SignIn(LoginView):
    template_name = "registration/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class Home(LoginRequiredMixin, TemplateView):
    template_name = "home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        chosen = self.request.session.get(ORGANIZATION_IN_SESSION)
        memberships = Membership.objects.of_user(user)
        return super().get_context_data(
            membership=chosen_membership(user, chosen), memberships=memberships, **kwargs
        )


class ChooseOrganization(LoginRequiredMixin, View):
    """Which of the user's organisations the session is about; others do not exist: 404."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("organization", "")
        memberships = Membership.objects.of_user(request.user)
        number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else 0
        membership = get_object_or_404(memberships, organization_id=number)
        request.session[ORGANIZATION_IN_SESSION] = membership.organization_id
        return redirect("home")
