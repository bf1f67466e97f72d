"""What every page of the admin UI is made of: who is signed in, where, and what they may do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.generic import View
from django_htmx.http import HttpResponseClientRedirect, push_url
from django_htmx.middleware import HtmxDetails

from organizations.authentication import ORGANIZATION_IN_SESSION, Caller, chosen_of
from organizations.models import Access, Membership, Organization

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PLACE = "organization_id"


class PageRequest(HttpRequest):
    """A request to a page, once the page knows who asks."""

    caller: Caller
    membership: Membership
    memberships: list[Membership]
    htmx: HtmxDetails


class Page(View):
    """A page of the organisation that the session has chosen, in its time zone.

    `reads` is the access that looking needs, `writes` what every other method needs. Whoever is
    not signed in is sent there and comes back; a lack of access is told with the names of those
    who can give it (403). `section` names the entry of the navigation that is marked. Files
    that are sent to a page without `takes_files` are dropped.
    """

    request: PageRequest
    reads: ClassVar[Access] = Access.READ
    writes: ClassVar[Access] = Access.WRITE
    section: ClassVar[str] = ""
    takes_files: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in_first(request)
        memberships = list(Membership.objects.of_user(request.user).select_related("user"))
        membership = chosen_of(memberships, request.session.get(ORGANIZATION_IN_SESSION))
        if membership is None:
            return render(request, "organizations/no_organization.html", status=403)
        self.request.membership = membership
        self.request.memberships = memberships
        self.request.caller = Caller.member(membership)
        timezone.activate(self.request.membership.zone)
        if not self._is_allowed():
            return self._no_right()
        if self._is_for_another_organization():
            return render(request, "organizations/other_organization.html", status=409)
        return super().dispatch(request, *args, **kwargs)

    @property
    def caller(self) -> Caller:
        return self.request.caller

    @property
    def organization(self) -> Organization:
        return self.request.caller.organization

    def _is_allowed(self) -> bool:
        needed = self.reads if self.request.method in SAFE_METHODS else self.writes
        return self.caller.access.covers(needed)

    def _no_right(self) -> HttpResponse:
        in_charge = Membership.objects.all().in_charge().filter(organization=self.organization)
        people = in_charge.select_related("user")[:10]
        context = {"people": people, "needs_write": self.caller.access.may_read}
        return render(
            self.request, "organizations/no_right.html", context, status=HTTPStatus.FORBIDDEN
        )

    def _is_for_another_organization(self) -> bool:
        """A form that was opened before another tab switched to another organisation."""
        if self.request.method in SAFE_METHODS:
            return False
        place = self.request.POST.get(PLACE)
        return place is not None and place != str(self.organization.pk)


class OwnPage(Page):
    """A page about the signed-in person, whatever their access."""

    reads = Access.NONE
    writes = Access.NONE


class TemplatePage(Page):
    """Shows `template_name` with what `get_context_data` adds to the context that it is given.

    Where scripts run, htmx asks at the same address for a part of the page alone. `parts` names
    their templates by the first word of the id of the element that they renew.
    """

    template_name: ClassVar[str]
    parts: ClassVar[Mapping[str, str]] = {}

    def get(self, *_: Any, **__: Any) -> HttpResponseBase:
        return self.render()

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return context

    @property
    def part(self) -> str:
        """The one of `parts` that is asked for alone; "" for the whole page."""
        wanted = (self.request.htmx.target or "").partition("-")[0]
        return wanted if wanted in self.parts else ""

    def address(self, context: dict[str, Any]) -> str:
        """What the browser shall show as its address with the part; "" leaves it as it is."""
        return ""

    def render(self, **context: Any) -> HttpResponse:
        context = self.get_context_data(**context)
        template = self.parts.get(self.part, self.template_name)
        response = render(self.request, template, context)
        if self.parts:
            patch_vary_headers(response, ("HX-Request", "HX-Target"))
        address = self.address(context) if self.part else ""
        return push_url(response, address) if address else response


def _sign_in_first(request: HttpRequest) -> HttpResponseBase:
    if getattr(request, "htmx", False):
        # A fragment can not show the sign-in page; the whole page goes there.
        try:
            back = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
        except ValueError:  # it is no URL
            back = "/"
        return HttpResponseClientRedirect(redirect_to_login(back).url)
    back = request.get_full_path() if request.method in SAFE_METHODS else "/"
    return redirect_to_login(back)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of the frame around every page."""
    theme = request.COOKIES.get("theme", "")
    membership: Membership | None = getattr(request, "membership", None)
    resolved = request.resolver_match
    view = getattr(resolved.func, "view_class", None) if resolved else None
    return {
        "theme": theme if theme in {"light", "dark"} else "",
        "membership": membership,
        "memberships": getattr(request, "memberships", []),
        "may_write": membership is not None and membership.access.may_write,
        "section": getattr(view, "section", ""),
    }
