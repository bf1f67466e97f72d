"""Turns exceptions into the v3 API's error objects, by the one table of error codes.

Apps raise Django's and DRF's own exceptions with symbolic codes; only this module knows numbers.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.fields import get_error_detail
from rest_framework.response import Response

from ens_project.error_codes import TABLE, UNKNOWN, Problem

log = structlog.get_logger(__name__)

MAX_ERRORS = 100
MAX_MESSAGE = 500
MAX_FIELD = 200

# Of several errors in one request the first of these statuses is the answer's.
PRIORITY = (500, 503, 401, 403, 404, 405, 406, 413, 415, 429, 409, 400)

# What Django answers for the whole site, by status, as symbolic codes.
GENERAL = {
    400: "request_malformed",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "throttled",
    500: "error",
    503: "database_away",
}

ErrorObject = dict[str, Any]


class FailureResponse(Response):
    """Its data is `{"errors": [...]}`, which goes into the envelope."""


class Flaw(NamedTuple):
    """One broken rule: where (None: the request as a whole), which, in words."""

    field: str | None
    code: str
    message: str


def handle_exception(exc: Exception, _context: dict[str, Any]) -> Response:
    """Answer of the API to any exception in a view (DRF's EXCEPTION_HANDLER)."""
    problem = _as_api_exception(exc)
    if problem is None:
        log.error("request_failed", exc_info=exc)
        problem = exceptions.APIException(code="error")
    flaws = list(islice(flaws_of(problem), MAX_ERRORS))
    response = FailureResponse(
        {"errors": [error_object(flaw) for flaw in flaws]}, status=_status(problem, flaws)
    )
    if challenge := getattr(problem, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if (wait_s := getattr(problem, "wait", None)) is not None:
        response["Retry-After"] = str(max(1, math.ceil(wait_s)))
    # Django would log it once more, with the raw path.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def errors_of(problem: exceptions.APIException) -> list[ErrorObject]:
    return [error_object(flaw) for flaw in islice(flaws_of(problem), MAX_ERRORS)]


def general_error(status: int) -> ErrorObject:
    """The error object for an answer of which only the status is known."""
    fallback = "request_malformed" if status < 500 else "error"
    return error_object(Flaw(None, GENERAL.get(status, fallback), ""))


def error_object(flaw: Flaw) -> ErrorObject:
    problem = row(flaw.code)
    return {
        "code": problem.number,
        "message": (flaw.message or problem.message)[:MAX_MESSAGE],
        "field": flaw.field[:MAX_FIELD] if flaw.field else None,
    }


def warning_object(warning: exceptions.ErrorDetail) -> ErrorObject:
    problem = row(warning.code or "invalid")
    return {"code": problem.number, "message": (str(warning) or problem.message)[:MAX_MESSAGE]}


def row(code: str) -> Problem:
    if code not in TABLE:
        log.error("error_code_unknown", symbolic_code=code)
        return UNKNOWN
    return TABLE[code]


def flaws_of(problem: exceptions.APIException) -> Iterator[Flaw]:
    if isinstance(problem, exceptions.ValidationError | exceptions.ParseError):
        field = getattr(problem, "field", "")
        yield from dict.fromkeys(_walk(problem.detail, field))
    elif isinstance(problem, exceptions.PermissionDenied):
        # One answer to whoever may not, whatever the reason.
        yield Flaw(None, "permission_denied", "")
    elif isinstance(problem.detail, exceptions.ErrorDetail):
        hide = type(problem) is exceptions.APIException
        yield Flaw(None, problem.detail.code or "invalid", "" if hide else str(problem.detail))
    else:
        yield from dict.fromkeys(_walk(problem.detail, ""))


def _walk(detail: Any, path: str) -> Iterator[Flaw]:
    """Every ErrorDetail in DRF's nesting of lists and dicts, with its path like `a.b[3]`."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _walk(inner, _join(path, key))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            # A list in DRF is either the errors of one field or, for lists of objects, has a
            # dict at each index, empty where nothing is wrong.
            nested = isinstance(inner, dict)
            yield from _walk(inner, f"{path}[{index}]" if nested else path)
    else:
        code = getattr(detail, "code", "invalid")
        yield Flaw(path or None, code, str(detail))


def _join(path: str, key: object) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key in {"non_field_errors", "__all__"}:
        return path
    return f"{path}.{key}" if path else str(key)


def _status(problem: exceptions.APIException, flaws: Iterable[Flaw]) -> int:
    found = {TABLE[flaw.code].status for flaw in flaws if flaw.code in TABLE}
    return next((status for status in PRIORITY if status in found), problem.status_code)


class DatabaseAway(exceptions.APIException):
    status_code = 503
    default_code = "database_away"
    default_detail = "The database is away. Nothing was accepted; try again later."
    wait = 5


class PayloadTooLarge(exceptions.APIException):
    status_code = 413
    default_code = "payload_too_large"
    default_detail = "The body is too large."


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    """None: not foreseen, a fault of ours."""
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, ValidationError):
        return exceptions.ValidationError(get_error_detail(exc))
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(exc, SuspiciousOperation):
        return exceptions.ParseError("The request can not be read.", code="request_malformed")
    if isinstance(exc, OperationalError | InterfaceError):
        log.error("database_away", error=type(exc).__name__, exc_info=settings.DEBUG)
        return DatabaseAway()
    if isinstance(exc, DataError):
        return exceptions.ParseError("A value can not be stored.", code="value_not_storable")
    return None
