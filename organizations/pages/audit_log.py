from django.views.generic import TemplateView

from organizations.pages.page import Page


class AuditList(Page, TemplateView):
    section = "audit"
    template_name = "organizations/auditentry_list.html"
