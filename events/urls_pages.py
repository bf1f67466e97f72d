from django.urls import path

from events.pages import catalogue

urlpatterns = [
    path("catalogue", catalogue.EventTypeList.as_view(), name="event-type-list"),
]
