"""Every URL of the site, from the resolver: what is added later is in it by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

from events.paths import WEB_HOOKS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Endpoint:
    """`template` has its parameters as `<name>`; `view` is the class, None of a function."""

    template: str
    name: str
    view: Any

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.template)

    @property
    def is_api(self) -> bool:
        return self.template.startswith("/v3/")

    @property
    def is_shown(self) -> bool:
        """Whether it answers GET."""
        return hasattr(self.view, "get") and "get" in self.view.http_method_names

    def url(self, values: dict[str, Any]) -> str:
        """Raises KeyError for a parameter that `values` does not have."""
        return PARAMETER.sub(lambda found: quote(str(values[found[1]]), safe=""), self.template)

    def __str__(self) -> str:
        return self.template


def endpoints() -> list[Endpoint]:
    return list(_walk(get_resolver().url_patterns, ""))


def api_endpoints() -> list[Endpoint]:
    return [endpoint for endpoint in endpoints() if endpoint.is_api]


def page_endpoints() -> list[Endpoint]:
    return [endpoint for endpoint in endpoints() if not endpoint.is_api]


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[Endpoint]:
    for pattern in patterns:
        route = before + str(pattern.pattern).replace(WEB_HOOKS, "webHooks")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            plain = re.sub(r"\^|/\?(?:\\Z|\$)$", "", route)
            view = getattr(pattern.callback, "view_class", None)
            yield Endpoint(simplify_regex(plain), pattern.name or "", view)
