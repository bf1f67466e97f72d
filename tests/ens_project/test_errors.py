import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import exceptions as django_exceptions
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.exceptions import ErrorDetail
from rest_framework.response import Response

from ens_project.error_codes import TABLE, UNKNOWN
from ens_project.errors import handle_exception
from webhooks.codes import CODES

ROOT = Path(__file__).parent.parent.parent
APPS = ["ens_project", "organizations", "events", "webhooks", "delivery"]
RAISERS = {
    *("ErrorDetail", "ValidationError", "StrictJSONError", "BodyRefused", "ParseError"),
    *("PermissionDenied", "NotFound", "AuthenticationFailed", "APIException"),
    "UnsupportedMediaType",
}
# What the API never answers; pages have words, no numbers.
WORDS_ONLY = {"migrations", "forms", "forms.py", "pages", "members.py", "invitations.py"}
CODE_ARGUMENT = {"StrictJSONError": 0, "BodyRefused": 0, "UnsupportedMediaType": 2}


def handled(exc: Exception) -> Response:
    return handle_exception(exc, {})


def errors_of(exc: Exception) -> list[tuple[int, str | None]]:
    return [(error["code"], error["field"]) for error in handled(exc).data["errors"]]


def codes_in_the_program() -> Iterator[tuple[str, str]]:
    """Symbolic codes that are raised anywhere, with the place."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            if WORDS_ONLY & {*path.parts, path.name}:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    for code in codes_in(node):
                        yield code, f"{path.relative_to(ROOT)}:{node.lineno}"
                elif isinstance(node, ast.Assign | ast.AnnAssign):
                    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                    named = isinstance(target, ast.Name) and target.id in {"default_code", "code"}
                    if named and isinstance(node.value, ast.Constant):
                        yield str(node.value.value), f"{path.relative_to(ROOT)}:{node.lineno}"


def codes_in(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in RAISERS:
        return
    place = CODE_ARGUMENT.get(name, 1)
    candidates: list[ast.expr] = [key.value for key in call.keywords if key.arg == "code"]
    candidates += call.args[place : place + 1]
    for candidate in candidates:
        if isinstance(candidate, ast.Constant) and isinstance(candidate.value, str):
            yield candidate.value


def test_every_code_that_is_raised_has_a_number() -> None:
    found = list(codes_in_the_program())
    assert len(found) > 30
    assert [(code, place) for code, place in found if code not in TABLE] == []


def test_every_code_that_a_webhooks_field_is_given_has_a_number() -> None:
    assert {code for codes in CODES.values() for code in codes.values()} <= TABLE.keys()


def test_numbers_are_the_documented_ones() -> None:
    documented = {
        "event_names_missing": (51003, 400),
        "max_connections_not_positive": (51007, 400),
        "max_connections_missing": (300004, 400),
        "webhook_not_found": (400, 400),
        "permission_denied": (4000, 403),
        "not_authorized": (4000, 403),
        "event_conflict": (51090, 409),
    }
    assert {code: (TABLE[code].number, TABLE[code].status) for code in documented} == documented
    for code, row in TABLE.items():
        general = row.number == row.status or code in documented
        assert general or (51001 <= row.number < UNKNOWN.number and row.status in {200, 400, 409})


def test_a_number_has_one_status() -> None:
    statuses: dict[int, set[int]] = {}
    for row in TABLE.values():
        statuses.setdefault(row.number, set()).add(row.status)
    assert all(len(found) == 1 for found in statuses.values())


def test_a_code_that_is_missing_in_the_table_is_51099() -> None:
    response = handled(exceptions.ValidationError([ErrorDetail("Odd.", "no_such_code")]))
    assert response.status_code == 400
    assert response.data["errors"] == [{"code": 51099, "message": "Odd.", "field": None}]


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (Http404("secret path"), 404, 404),
        (django_exceptions.PermissionDenied(), 403, 4000),
        (exceptions.PermissionDenied("CSRF Failed: no cookie."), 403, 4000),
        (exceptions.NotAuthenticated(), 401, 401),
        (exceptions.AuthenticationFailed(), 401, 401),
        (exceptions.MethodNotAllowed("PUT"), 405, 405),
        (exceptions.NotAcceptable(), 406, 406),
        (exceptions.UnsupportedMediaType("text/plain"), 415, 415),
        (exceptions.Throttled(3.2), 429, 429),
        (django_exceptions.RequestDataTooBig(), 413, 413),
        (django_exceptions.TooManyFieldsSent(), 400, 51050),
        (django_exceptions.ValidationError("No.", "name_taken"), 400, 51002),
        (DataError("value too long for 0x7f"), 400, 51051),
        (OperationalError("could not connect to db.internal"), 503, 503),
        (InterfaceError("connection already closed"), 503, 503),
        (RuntimeError("the secret is 42"), 500, 500),
    ],
)
def test_every_exception_has_an_answer_that_tells_nothing_inside(
    exc: Exception, status: int, code: int
) -> None:
    response = handled(exc)
    assert (response.status_code, errors_of(exc)) == (status, [(code, None)])
    message = response.data["errors"][0]["message"]
    assert message
    assert not any(word in message for word in ("secret", "0x7f", "db.internal", "CSRF"))


def test_throttled_and_unavailable_say_when_to_come_back() -> None:
    assert handled(exceptions.Throttled(3.2))["Retry-After"] == "4"
    assert handled(OperationalError())["Retry-After"] == "5"


def test_fields_are_paths() -> None:
    detail: Any = {
        "webHookHeaders": {"X-Foo": [ErrorDetail("a", "header_value_invalid")]},
        "eventNames": {3: [ErrorDetail("b", "event_unknown")]},
        "events": [{}, {"data": [ErrorDetail("c", "required")]}],
        "non_field_errors": [ErrorDetail("d", "invalid")],
    }
    assert errors_of(exceptions.ValidationError(detail)) == [
        (51021, "webHookHeaders.X-Foo"),
        (51008, "eventNames[3]"),
        (51060, "events[1].data"),
        (51063, None),
    ]


def test_the_gravest_status_wins() -> None:
    both = exceptions.ValidationError(
        [ErrorDetail("", "event_names_missing"), ErrorDetail("", "event_conflict")]
    )
    assert handled(both).status_code == 409


def test_messages_fields_and_their_number_are_bounded() -> None:
    detail = {f"{'f' * 1000}{i}": [ErrorDetail("m" * 10_000, "invalid")] for i in range(1000)}
    errors = handled(exceptions.ValidationError(detail)).data["errors"]
    assert len(errors) == 100
    assert max(len(error["message"]) for error in errors) == 500
    assert max(len(error["field"]) for error in errors) == 200
