from django.urls import re_path

from events import api
from events.paths import WEB_HOOKS

# To be included before the webhooks' URLs, where `eventMetaData` would be read as an id.
urlpatterns = [
    re_path(
        rf"^{WEB_HOOKS}/eventMetaData/?\Z", api.EventTypeList.as_view(), name="event-type-list"
    ),
    re_path(
        rf"^{WEB_HOOKS}/eventMetaData/(?P<event_name>.+?)/?\Z",
        api.EventTypeDetail.as_view(),
        name="event-type-detail",
    ),
]
