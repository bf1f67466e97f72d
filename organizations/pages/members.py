from django.views.generic import TemplateView

from organizations.pages.page import Page


class MembershipList(Page, TemplateView):
    section = "members"
    template_name = "organizations/membership_list.html"
