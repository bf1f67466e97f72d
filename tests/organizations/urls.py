"""The pages and API of organizations alone, and an endpoint that tells who calls."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from organizations import urls_pages
from organizations.authentication import caller_of
from organizations.permissions import EventsAccess
from organizations.urls import urlpatterns as api_urls


class WhoCalls(GenericAPIView[Any]):
    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        return Response({"organization": caller.organization.pk, "actor": caller.actor})

    post = get


class MayPublish(GenericAPIView[Any]):
    permission_classes = [EventsAccess]

    def post(self, request: Request) -> Response:
        return Response(None)


def api_docs(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("who", WhoCalls.as_view()),
    path("publish", MayPublish.as_view()),
    path("api-docs", api_docs, name="api-docs"),
    path("v3/", include((api_urls, "v3"))),
    path("", include(urls_pages)),
]
