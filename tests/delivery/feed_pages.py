"""Reads the event feed's pages as their readers do."""

import datetime as dt
import re
import uuid
from html import unescape
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery.models import State
from events.event_types import remembered
from events.models import Event
from tests.conftest import PageClient
from tests.factories import DeliveryFactory, EventFactory, WebhookFactory

FEED = "/feed"
NEWS = "/feed/new"
HTMX = {"HX-Request": "true"}
MINUTE = dt.timedelta(minutes=1)


def page(client: PageClient, path: str = FEED, **parameters: str) -> str:
    response = client.get(path, parameters)
    assert response.status_code == 200
    return str(response.content.decode())


def shown(html: str) -> list[str]:
    """Row ids of the events, in the order of the page."""
    return [str(uuid.UUID(found)) for found in re.findall(r'<tr id="event-([0-9a-f]{32})"', html)]


def row_of(html: str, event: Event) -> str:
    found = re.search(rf'<tr id="event-{event.pk.hex}">.*?</tr>', html, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def link(html: str, word: str) -> str | None:
    found = re.search(rf'href="([^"]+)" rel="\w+">{word}</a>', html)
    return unescape(found[1]) if found else None


def poll_url(html: str) -> str:
    found = re.search(r'id="news" hx-get="([^"]+)"', html)
    assert found
    return unescape(found[1])


def event(client: PageClient, **fields: Any) -> Event:
    made: Event = EventFactory(organization=client.organization, **fields)
    return made


def delivered_to(of: Event, *states: State) -> None:
    for state in states:
        webhook = WebhookFactory(organization=of.organization)
        DeliveryFactory(webhook=webhook, event=of, state=state)


def queries(client: PageClient, path: str) -> int:
    remembered.clear()
    with CaptureQueriesContext(connection) as captured:
        client.get(path, headers=HTMX)
    return len(captured)
