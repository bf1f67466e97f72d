from django.urls import path

from events.pages import (
    catalogue,
    type_delete,
    type_form,
    type_validation,
    type_versions,
)

# No name of a custom type begins with "-" or holds "/", so none is hidden by these.
NO_TYPE = "catalogue/-"
ONE_TYPE = "catalogue/<path:event_name>"

urlpatterns = [
    path("catalogue", catalogue.EventTypeList.as_view(), name="event-type-list"),
    path(f"{NO_TYPE}/new", type_form.EventTypeAdd.as_view(), name="event-type-add"),
    path(f"{NO_TYPE}/check", type_form.EventTypeCheck.as_view(), name="event-type-check"),
    path(f"{ONE_TYPE}/active", catalogue.EventTypeSwitch.as_view(), name="event-type-switch"),
    path(
        f"{ONE_TYPE}/validation",
        type_validation.EventTypeValidation.as_view(),
        name="event-type-validation",
    ),
    path(f"{ONE_TYPE}/edit", type_form.EventTypeEdit.as_view(), name="event-type-edit"),
    path(f"{ONE_TYPE}/delete", type_delete.EventTypeDelete.as_view(), name="event-type-delete"),
    path(
        f"{ONE_TYPE}/versions",
        type_versions.EventTypeVersions.as_view(),
        name="event-type-versions",
    ),
    path(
        f"{ONE_TYPE}/versions/<int:version_number>",
        type_versions.EventTypeVersionPage.as_view(),
        name="event-type-version",
    ),
    path(
        f"{ONE_TYPE}/versions/<int:version_number>/restore",
        type_versions.EventTypeRestore.as_view(),
        name="event-type-restore",
    ),
    path(ONE_TYPE, catalogue.EventTypeDetail.as_view(), name="event-type-detail"),
]
