"""The OpenAPI description of the v3 API, and the page on which it can be tried."""

import re
from typing import Any

from csp.decorators import csp_update
from django.contrib.admindocs.views import simplify_regex
from django.utils.decorators import method_decorator
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from ens_project.error_codes import TABLE
from events.paths import WEB_HOOKS

Schema = dict[str, Any]
Endpoint = tuple[str, str, str, Any]

ERRORS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["code", "message", "field"],
        "properties": {
            "code": {"type": "integer"},
            "message": {"type": "string"},
            "field": {"type": "string", "nullable": True},
        },
    },
}
WARNINGS = {
    "type": "array",
    "nullable": True,
    "items": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
    },
}
INTRODUCTION = """Every answer is `{"data", "errors", "warnings"}`; one of `data` and `errors` is
null. All rules that a request breaks are reported together. Every answer carries
`X-Cap-Requestid`: the request's `X-CAP-REQUEST-ID` if it is usable, else a new one.

How a receiver verifies what it gets: [Verify signatures](/verify).

| code | HTTP | meaning |
|---|---|---|
"""


class TillScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "organizations.authentication.TillAuthentication"
    name = "till"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {
            "type": "http",
            "scheme": "basic",
            "description": "A till's code, and its password or the MD5 of that in hex.",
        }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "organizations.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-CAP-API-OAUTH-TOKEN",
            "description": "From POST /v3/oauth/token/generate.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "organizations.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def plain_paths(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """Paths without the words that are taken in any case and the optional slash at the end."""
    plain = []
    for _path, regex, method, view in endpoints:
        regex = regex.replace(WEB_HOOKS, "webHooks")
        regex = re.sub(r"(?<!\[)\^|/\?(\\Z|\$)$", "", regex)
        path = simplify_regex(regex).replace("<", "{").replace(">", "}")
        plain.append((path, regex, method, view))
    return plain


def describe(result: Schema, **_: Any) -> Schema:
    """Complete what the views tell: the envelope, the table of error codes."""
    result["info"]["description"] += "\n\n" + INTRODUCTION + error_table()
    result["components"].setdefault("schemas", {})["Failure"] = failure()
    for item in result["paths"].values():
        for operation in item.values():
            _put_into_envelopes(operation)
    return result


def error_table() -> str:
    """One row for each number: the rows of the table in the code that share one say the same."""
    rows = {row.number: row for row in reversed(TABLE.values())}
    return "\n".join(
        f"| {row.number} | {'warning' if row.status == 200 else row.status} | {row.message} |"
        for row in sorted(rows.values(), key=lambda row: (row.number < 1000, row.number))
    )


def failure() -> Schema:
    return {
        "type": "object",
        "required": ["data", "errors", "warnings"],
        "properties": {
            "data": {"type": "object", "nullable": True},
            "errors": ERRORS,
            "warnings": WARNINGS,
        },
    }


def _put_into_envelopes(operation: Schema) -> None:
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            content["schema"] = {
                "type": "object",
                "required": ["data", "errors", "warnings"],
                "properties": {
                    "data": content.get("schema", {}),
                    "errors": {**ERRORS, "nullable": True},
                    "warnings": WARNINGS,
                },
            }
    operation["responses"].setdefault(
        "default",
        {
            "description": "What went wrong.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
        },
    )


class SchemaView(SpectacularAPIView):
    throttle_classes = []  # theirs count callers of the API


@method_decorator(csp_update({"style-src": ["'self'", "'unsafe-inline'"]}), name="dispatch")
class PageView(SpectacularSwaggerSplitView):
    """Swagger UI writes style attributes; on this page alone they are allowed."""

    template_name = "api_docs.html"
    url_name = "api-schema"
    throttle_classes = []
