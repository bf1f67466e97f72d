"""Health, and what is answered outside of the API when something is wrong."""

from http import HTTPStatus

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from organizations.redis import RedisAway, door

log = structlog.get_logger(__name__)

REDIS_TIMEOUT_S = 0.5

EXPLANATIONS = {
    400: ("Bad request", "The request can not be read."),
    403: ("Not allowed", "You may not do this."),
    404: ("Not found", "There is no such page."),
    500: ("Error", "Something went wrong on our side. It has been noted under the id below."),
}


@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 while requests can be served. Redis away makes it slower, not unready."""
    database = _database()
    ready = database == "ok"
    return JsonResponse(
        {"status": "ok" if ready else "unready", "database": database, "redis": _redis()},
        status=200 if ready else 503,
    )


class _Migrated:
    """Whether the migrations of this program were seen in the database; once is enough."""

    seen = False


def _database() -> str:
    try:
        if not _Migrated.seen:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "not migrated"
            _Migrated.seen = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("database_away", error=type(error).__name__)
        return "away"
    return "ok"


def _redis() -> str:
    try:
        door(REDIS_TIMEOUT_S).call(lambda client: client.ping())
    except RedisAway:
        return "away"
    return "ok"


def _error_page(request: HttpRequest, status: int) -> HttpResponse:
    title, text = EXPLANATIONS[status]
    request_id = getattr(request, "request_id", "")
    context = {"title": title, "text": text, "request_id": request_id}
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # Whatever broke may break the frame as well: the reader, the database, the session.
        return HttpResponse(render_to_string("error.html", context), status=status)
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _error_page(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _error_page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _error_page(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """A form that was open for longer than its session, or that another site made."""
    context = {
        "title": "This page was open for too long",
        "text": "Nothing was changed. Go back, load the page again and repeat what you did.",
    }
    return render(request, "error.html", context, status=403)
