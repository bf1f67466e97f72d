from django.urls import path

from events.pages import catalogue

urlpatterns = [
    path("catalogue", catalogue.EventTypeList.as_view(), name="event-type-list"),
    path(
        "catalogue/<path:event_name>/active",
        catalogue.EventTypeSwitch.as_view(),
        name="event-type-switch",
    ),
    path(
        "catalogue/<path:event_name>",
        catalogue.EventTypeDetail.as_view(),
        name="event-type-detail",
    ),
]
