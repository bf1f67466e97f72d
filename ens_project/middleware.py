"""What every request gets: an id, one line in the log and, under /v3, an answer in JSON.

And what none may do: be no text, or leave its answer behind.
"""

import re
import secrets
import sys
import time
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import structlog
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import LimitedStream, WSGIRequest
from django.http import HttpResponse, HttpResponseBase, QueryDict

from ens_project.errors import general_error
from ens_project.responses import failure_body
from organizations.authentication import Caller

log = structlog.get_logger(__name__)

API = re.compile(r"/v3(?:/|$)")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Django writes bytes of a path that are no UTF-8 as percent escapes again.
BROKEN_PATH = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]|\0")
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})

GetResponse = Callable[[WSGIRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Outermost: `request.request_id`, the header X-Cap-Requestid, and the access log.

    The id is the caller's when it is usable. Every line logged meanwhile carries it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: WSGIRequest) -> HttpResponseBase:
        started = time.perf_counter()
        offered = request.headers.get("X-CAP-REQUEST-ID", "")
        request_id = offered if REQUEST_ID.fullmatch(offered) else secrets.token_hex(16)
        request.request_id = request_id  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            response["X-Cap-Requestid"] = request_id
            _log(request, response, (time.perf_counter() - started) * 1000)
        return response


class ApiMiddleware:
    """Whatever fails under /v3 outside of an API view still answers in the envelope.

    Also prepares the body for the API's parser, and refuses paths and queries that are no text.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: WSGIRequest) -> HttpResponseBase:
        if not API.match(request.path_info):
            return self.get_response(request)
        if not _is_text(request):
            return _failure(HttpResponse(status=400))
        _prepare(request)
        response = self.get_response(request)
        if response.status_code >= 400 and response.get("Content-Type") != "application/json":
            return _failure(response)
        return response


class UnstoredMiddleware:
    """No browser or proxy keeps an answer that does not say so itself.

    After signing out, the back button shows no page of whoever was there, and no error either.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: WSGIRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class TextMiddleware:
    """Innermost: no path of a page has a NUL, for which databases can not be asked.

    One in a query or a form gets as far as the form, which tells at which field it stands.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: WSGIRequest) -> HttpResponseBase:
        if "\0" in request.path_info:
            raise BadRequest
        return self.get_response(request)


def _failure(response: HttpResponseBase) -> HttpResponse:
    """The same status and headers, with the envelope as body."""
    answer = HttpResponse(
        failure_body([general_error(response.status_code)]), status=response.status_code
    )
    for name, value in response.items():
        if name.lower() not in {"content-length", "location"}:
            answer[name] = value
    answer["Content-Type"] = "application/json"
    answer.cookies = response.cookies
    return answer


def _is_text(request: WSGIRequest) -> bool:
    if BROKEN_PATH.search(request.path_info):
        return False
    query = unquote_to_bytes(request.META.get("QUERY_STRING", "").encode("latin-1", "replace"))
    try:
        return "\0" not in query.decode()
    except UnicodeDecodeError:
        return False


def _prepare(request: WSGIRequest) -> None:
    # A charset in Content-Type would decide how the query string is decoded. Set past the property
    # `encoding`, which reads the query: views do that, where errors are handled.
    request._encoding = "utf-8"  # type: ignore[attr-defined]
    # The body is the parser's alone: not read as a form, be it for a CSRF token.
    request.POST = QueryDict()
    if request.method not in BODY_METHODS:
        return
    meta = request.META
    if "CONTENT_LENGTH" not in meta and meta.get("wsgi.input_terminated"):
        # A chunked body, which Django takes for none; the parser stops at its own limit.
        request._stream = LimitedStream(meta["wsgi.input"], sys.maxsize)  # type: ignore[assignment]
    if not meta.get("CONTENT_LENGTH", "").strip("0 "):
        # DRF asks no parser when the length is 0 or unknown; ours has to tell "no body".
        meta["CONTENT_LENGTH"] = "-1"


def _log(request: WSGIRequest, response: HttpResponseBase, duration_ms: float) -> None:
    """One line; never the path or query as sent, which may hold customers' identifiers."""
    match = request.resolver_match
    log.info(
        "request",
        method=request.method if len(request.method or "") <= 16 else "?",
        route=match.route if match else None,
        status=response.status_code,
        duration_ms=round(duration_ms, 1),
        organization_id=_organization_id(request),
    )


def _organization_id(request: WSGIRequest) -> int | None:
    """Of an API caller. A user of the pages is not looked up for the sake of the log."""
    user = vars(request).get("user")
    return user.organization.pk if type(user) is Caller else None
