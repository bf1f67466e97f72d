"""Their version of single fields, put into a form that was posted."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.http import QueryDict

from webhooks import queue_password
from webhooks.filter_text import filter_text
from webhooks.form_fields import CUSTOMER, SOURCES
from webhooks.form_headers import NAMES, VALUES, posted_pairs
from webhooks.forms import EVENTS
from webhooks.headers import hidden
from webhooks.merge import EVENT, FILTER, HEADER, SOURCE, URL, URL_SECRET, header_key
from webhooks.models import Webhook

THEIRS, MINE = "theirs", "mine"


def choose(data: QueryDict, clashes: Mapping[str, str], stored: Webhook) -> dict[str, str]:
    """Put their version in where it was chosen. Answers the clashes without a choice."""
    open_clashes = {}
    for number, (key, before) in enumerate(clashes.items(), start=1):
        choice = data.get(f"choice-{number}")
        if choice == THEIRS:
            take(data, [key], stored)
        elif choice != MINE:
            open_clashes[key] = before
    return open_clashes


def take(data: QueryDict, keys: Iterable[str], stored: Webhook) -> None:
    """Overwrite in the posted form what the keys name with what is stored."""
    pairs = {name.lower(): (name, hidden(name, value)) for name, value in stored.header_pairs}
    rows = posted_pairs(data)
    names, sources = data.getlist(EVENTS), data.getlist(SOURCES)
    for key in keys:
        if key.startswith(HEADER):
            pair = pairs.get(key.removeprefix(HEADER))
            rows = _with_pair(rows, key, pair)
        elif key.startswith(EVENT):
            names = _with_name(names, key.removeprefix(EVENT), stored.event_names)
        elif key.startswith(SOURCE):
            chosen = stored.enrich_customer_sources
            sources = _with_name(sources, key.removeprefix(SOURCE), chosen)
            _take_field(data, CUSTOMER, bool(sources))
        elif key == FILTER:
            _take_field(data, key, filter_text(stored.filter))
        elif key == URL:
            _take_field(data, key, stored.shown_url)
        elif key == URL_SECRET:
            # The mask stands for the stored password.
            _take_field(
                data, URL, queue_password.shown(*queue_password.separated(data.get(URL, "")))
            )
        else:
            _take_field(data, key, getattr(stored, key))
    data.setlist(NAMES, [name for name, _ in rows])
    data.setlist(VALUES, [value for _, value in rows])
    data.setlist(EVENTS, names)
    data.setlist(SOURCES, sources)


def _with_name(names: list[str], name: str, theirs: Collection[str]) -> list[str]:
    """With it or without it, as they have it."""
    return [other for other in names if other != name] + ([name] if name in theirs else [])


def _with_pair(
    rows: list[tuple[str, str]], key: str, pair: tuple[str, str] | None
) -> list[tuple[str, str]]:
    found = [at for at, (name, _) in enumerate(rows) if header_key(name) == key]
    kept = [row for at, row in enumerate(rows) if at not in found]
    if pair is not None:
        kept.insert(found[0] if found else len(kept), pair)
    return kept


def _take_field(data: QueryDict, name: str, value: Any) -> None:
    if value is False:
        data.pop(name, None)
    else:
        data[name] = "on" if value is True else str(value)
