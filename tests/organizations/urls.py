"""The site, and endpoints that tell who calls."""

from typing import Any

from django.urls import path
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ens_project.urls import urlpatterns as site
from organizations.authentication import caller_of
from organizations.permissions import EventsAccess


class WhoCalls(GenericAPIView[Any]):
    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        return Response({"organization": caller.organization.pk, "actor": caller.actor})

    post = get


class MayPublish(GenericAPIView[Any]):
    permission_classes = [EventsAccess]

    def post(self, request: Request) -> Response:
        return Response(None)


urlpatterns = [
    path("who", WhoCalls.as_view()),
    path("publish", MayPublish.as_view()),
    *site,
]
