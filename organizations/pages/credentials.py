from django.views.generic import TemplateView

from organizations.pages.page import Page


class CredentialList(Page, TemplateView):
    section = "credentials"
    template_name = "organizations/credential_list.html"
