"""The catalogue's pages, and their rows."""

import html
import re
from typing import Any

from django.test.client import Client

from events.event_types import known_event_types
from tests.conftest import PageClient


def shown(response: Any) -> list[str]:
    """Names of the types in the list."""
    found = re.findall(r'class="row"[^>]*>([^<]*)<', response.content.decode())
    return [html.unescape(name) for name in found]


def row(response: Any, name: str) -> str:
    """The words of a type's row."""
    rows = re.findall(r"<tr.*?</tr>", response.content.decode(), re.DOTALL)
    (found,) = [one for one in rows if f">{html.escape(name)}</a>" in one]
    return " ".join(re.sub(r"<[^>]*>", " ", found).split())


def fragment(client: Client, path: str, target: str) -> Any:
    return client.get(path, headers={"HX-Request": "true", "HX-Target": target})


def switch(client: Client, name: str, active: str, **headers: str) -> Any:
    return client.post(f"/catalogue/{name}/active", {"active": active}, headers=headers)


def is_active(client: PageClient, name: str) -> bool:
    return known_event_types(client.organization)[name].active
