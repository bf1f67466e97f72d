from django.views.generic import TemplateView

from organizations.pages.page import OwnPage


class Preferences(OwnPage, TemplateView):
    section = ""
    template_name = "organizations/preferences.html"
