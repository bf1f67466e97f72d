from django.views.generic import TemplateView

from organizations.pages.page import Page


class ReferenceData(Page, TemplateView):
    section = "reference"
    template_name = "organizations/reference_data.html"
