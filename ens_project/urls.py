from django.urls import URLPattern, URLResolver, include, path

from ens_project import views
from ens_project.openapi import PageView, SchemaView

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("v3/", include("organizations.urls")),
    path("v3/", include("events.urls")),
    path("v3/", include("delivery.urls")),
    path("v3/", include("webhooks.urls")),
    path("api/schema", SchemaView.as_view(), name="api-schema"),
    path("api/docs", PageView.as_view(), name="api-docs"),
    path("", include("organizations.urls_pages")),
    path("", include("events.urls_pages")),
    path("", include("webhooks.urls_pages")),
    path("", include("delivery.urls_pages")),
]
