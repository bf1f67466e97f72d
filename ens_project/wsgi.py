import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ens_project.settings")


class PlainContentType:
    """Takes from Content-Type what Django stumbles over while it makes the request.

    A parameter that can not be parsed, a charset that decodes no text, and any charset together
    with too many query parameters raise there, outside of every middleware, and the server would
    answer with a page of its own. UTF-8 is what API and pages read anyway; whatever else is asked
    for is left out as a whole, so that the API answers 415 and a page reads an empty form. Of the
    parameters only the boundary of a form stays.
    """

    def __init__(self, inner: "WSGIApplication") -> None:
        self.inner = inner

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        environ["CONTENT_TYPE"] = plain(environ.get("CONTENT_TYPE", ""))
        return self.inner(environ, start_response)


def plain(content_type: str) -> str:
    """The media type, with a boundary if it has one; "" if it says anything but UTF-8."""
    try:
        media_type, parameters = parse_header_parameters(content_type)
    except ValueError:
        return ""
    if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        return ""
    boundary = parameters.get("boundary")
    return media_type if boundary is None else f'{media_type}; boundary="{boundary}"'


application = PlainContentType(get_wsgi_application())
