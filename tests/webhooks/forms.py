"""How the tests fill in the form."""

import html
import re
from typing import Any

from tests.conftest import PageClient
from webhooks.models import Webhook

Fields = dict[str, Any]

SELECT = re.compile(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', re.DOTALL)
TEXTAREA = re.compile(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', re.DOTALL)

NEW = "/notifications/new"

FILLED: Fields = {
    "name": "Coupon wallet",
    "url": "https://receiver.example.com/in",
    "method": "POST",
    "max_connections": "20",
    "sla_s": "30",
    "timeout_s": "30",
    "description": "",
    "header_name": ["Authorization"],
    "header_value": ["Bearer hunter2"],
    "event_names": ["transactionAdded"],
}


def edit_url(webhook: Webhook) -> str:
    return f"/notifications/{webhook.public_id}/edit"


def add(client: PageClient, **changes: Any) -> Webhook:
    """A webhook made with the form."""
    answer = client.post(NEW, FILLED | changes)
    assert answer.status_code == 302, problems(answer)
    return Webhook.objects.latest("id")


def fields_of(answer: Any) -> Fields:
    """What a browser would send of the page's form if nothing was touched."""
    text = answer.content.decode()
    form = text[text.index("data-leaving") :]
    form = re.sub(r"<(template|noscript)\b.*?</\1>", "", form, flags=re.DOTALL)
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = {key: html.unescape(value) for key, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        is_box = given.get("type") in {"checkbox", "radio"}
        if "name" in given and not (is_box and not re.search(r"\bchecked\b", tag)):
            value = given.get("value", "on" if is_box else "")
            found.setdefault(given["name"], []).append(value)
    for name, options in SELECT.findall(form):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', options)
        found[name] = [chosen.group(1)] if chosen else []
    for name, value in TEXTAREA.findall(form):
        found[name] = [html.unescape(value)]
    found.pop("csrfmiddlewaretoken", None)
    return dict(found)


def opened(client: PageClient, webhook: Webhook) -> Fields:
    """The form of Edit as it is sent when it was opened and not touched."""
    answer = client.get(edit_url(webhook))
    assert answer.status_code == 200
    return fields_of(answer)


def problems(answer: Any) -> list[tuple[str, str]]:
    """(id of the field, message) in the summary."""
    return [(field, message) for field, _, message in answer.context["problems"]]


def reloaded(webhook: Webhook) -> Webhook:
    return Webhook.objects.get(pk=webhook.pk)
