from django.views.generic import TemplateView

from organizations.pages.page import Page


class EventTypeList(Page, TemplateView):
    section = "catalogue"
    template_name = "events/eventtype_list.html"
