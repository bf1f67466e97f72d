from django.urls import re_path

from events import api

# To be included before the webhooks' URLs, where `eventMetaData` would be read as an id.
urlpatterns = [
    re_path(
        r"^(?i:webHooks)/eventMetaData/?\Z", api.EventTypeList.as_view(), name="event-type-list"
    ),
    re_path(
        r"^(?i:webHooks)/eventMetaData/(?P<event_name>.+?)/?\Z",
        api.EventTypeDetail.as_view(),
        name="event-type-detail",
    ),
]
