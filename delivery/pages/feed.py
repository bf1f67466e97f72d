from django.views.generic import TemplateView

from organizations.pages.page import Page


class EventList(Page, TemplateView):
    section = "notifications"
    template_name = "events/event_list.html"
