"""What others changed in a webhook while somebody edited it, and how the form takes it in."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.core import signing
from django.http import QueryDict
from django.utils import timezone

from organizations.models import AuditEntry
from organizations.sources import source_label
from webhooks.filter_text import filter_text
from webhooks.form_fields import CUSTOMER, SOURCES
from webhooks.form_headers import NAMES, VALUES, posted_pairs
from webhooks.forms import EVENTS, WebhookForm
from webhooks.headers import hidden
from webhooks.merge import (
    EVENT,
    FILTER,
    HEADER,
    SOURCE,
    Merged,
    Snapshot,
    header_key,
    merge,
    snapshot,
    untouched,
)
from webhooks.models import Webhook

SALT = "webhooks.seen"
THEIRS, MINE = "theirs", "mine"
AUDIT_NAMES = {"is_active": "active"}
MOST_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """The webhook as its editor saw it: carried by the form, signed.

    `clashes` tells, by key, what stood there before both changed it; each wants a choice.
    """

    revision: int
    at: dt.datetime
    fields: Snapshot
    clashes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, webhook: Webhook, clashes: Mapping[str, str] | None = None) -> Self:
        fields = _snapshot(webhook)
        return cls(webhook.revision, timezone.now(), fields, dict(clashes or {}))

    def token(self, webhook: Webhook) -> str:
        content = [self.revision, self.at.isoformat(), self.fields, self.clashes]
        return signing.dumps([webhook.public_id, *content], salt=SALT, compress=True)

    @classmethod
    def read(cls, token: str, webhook: Webhook) -> Self:
        """Of a form that does not say what its editor saw, everything may have been changed."""
        try:
            public_id, revision, at, fields, clashes = signing.loads(token, salt=SALT)
        except (signing.BadSignature, ValueError):
            public_id = None
        if public_id != webhook.public_id:
            return cls(0, webhook.created_at, {})
        return cls(revision, dt.datetime.fromisoformat(at), fields, clashes)


@dataclass(frozen=True, slots=True)
class Change:
    """One field in three versions, in words.

    `number` is set where a choice is wanted; `chosen` is what was chosen so far.
    """

    label: str
    before: str
    theirs: str
    mine: str
    is_theirs: bool
    number: int | None = None
    chosen: str = ""

    @property
    def choice(self) -> str:
        return f"choice-{self.number}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What the notice above the form says."""

    who: list[str]
    at: dt.datetime
    reason: str
    rows: list[Change]

    @property
    def clashes(self) -> list[Change]:
        return [row for row in self.rows if row.number is not None]

    @property
    def taken(self) -> list[Change]:
        return [row for row in self.rows if row.is_theirs]


def merged_with(form: WebhookForm, seen: Seen, stored: Webhook) -> Merged:
    """What they changed since, and what the checked form changes."""
    draft = form.draft
    mine = snapshot(draft.webhook, draft.headers, draft.event_names)
    # What has the wrong type did not get into the draft.
    mine |= {name: form.data.get(name) for name in form.errors if name in mine}
    mine |= untouched(form.pairs, seen.fields)
    return merge(seen.fields, _snapshot(stored), mine)


def choose(data: QueryDict, seen: Seen, stored: Webhook) -> dict[str, str]:
    """Put their version in where it was chosen. Answers the clashes without a choice."""
    open_clashes = {}
    for number, (key, before) in enumerate(seen.clashes.items(), start=1):
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


def changes(form: WebhookForm, seen: Seen, stored: Webhook, merged: Merged) -> Changes:
    theirs = _snapshot(stored)
    entries = _entries_since(seen, stored)
    rows = [
        Change(
            label=label_of(key, form),
            before=_in_words(seen.fields.get(key), key),
            theirs=_in_words(theirs.get(key), key),
            mine=_my_words(form, key, merged),
            is_theirs=key in merged.taken,
            number=merged.clashes.index(key) + 1 if key in merged.clashes else None,
        )
        for key in sorted([*merged.taken, *merged.clashes, *merged.kept], key=_order)
    ]
    is_switched_off = "is_active" in [*merged.taken, *merged.clashes] and not stored.is_active
    touched = [entry for entry in entries if _touches(entry, [*merged.taken, *merged.clashes])]
    who = [str(entry.actor.get("name", "")) for entry in touched]
    if not who:
        by_service = is_switched_off and stored.deactivation_reason
        who = ["The service" if by_service else stored.updated_by.get("name") or "Somebody"]
    return Changes(
        who=list(dict.fromkeys(who)),
        at=touched[-1].at if touched else stored.updated_at,
        reason=stored.deactivation_reason if is_switched_off else "",
        rows=rows,
    )


def open_choices(
    form: WebhookForm,
    seen: Seen,
    stored: Webhook,
    clashes: Iterable[str],
    chosen: Mapping[str, str] | None = None,
) -> Changes:
    """The clashes again, for which no choice was sent or taken in yet."""
    merged = Merged([], [], list(clashes))
    shown = changes(form, seen, stored, merged)
    before = seen.clashes
    keys = sorted(merged.clashes, key=_order)
    rows = [
        replace(row, before=before[key], chosen=(chosen or {}).get(row.choice, ""))
        for key, row in zip(keys, shown.rows, strict=True)
    ]
    return Changes(shown.who, shown.at, shown.reason, rows)


def before_of(seen: Seen, keys: Iterable[str]) -> dict[str, str]:
    return {key: _in_words(seen.fields.get(key), key) for key in keys}


def label_of(key: str, form: WebhookForm) -> str:
    if key.startswith(HEADER):
        return f"Header {key.removeprefix(HEADER)}"
    if key.startswith(EVENT):
        return f"Event {key.removeprefix(EVENT)}"
    if key.startswith(SOURCE):
        return f"Source {source_label(key.removeprefix(SOURCE))}"
    return str(form.fields[key].label)


def _snapshot(webhook: Webhook) -> Snapshot:
    return snapshot(webhook, webhook.header_pairs, webhook.event_names)


def _entries_since(seen: Seen, stored: Webhook) -> list[AuditEntry]:
    entries = AuditEntry.objects.for_organization(stored.organization)
    since = entries.filter(at__gt=seen.at, object_type="webhook", object_id=stored.public_id)
    return list(since.order_by("-at")[:MOST_ENTRIES])[::-1]


def _touches(entry: AuditEntry, keys: Iterable[str]) -> bool:
    return any(_audit_name(key) in {**entry.before, **entry.after} for key in keys)


def _audit_name(key: str) -> str:
    if key.startswith(HEADER):
        return "headers"
    if key.startswith(EVENT):
        return "event_names"
    if key.startswith(SOURCE):
        return SOURCES
    return AUDIT_NAMES.get(key, key)


def _order(key: str) -> tuple[bool, bool, str]:
    return key.startswith(EVENT), key.startswith(HEADER), key


def _my_words(form: WebhookForm, key: str, merged: Merged) -> str:
    if key in merged.taken:
        return "not changed"
    if key.startswith(HEADER):
        names = [header_key(name) for name, _ in form.pairs]
        return "the value you typed" if key in names else "removed"
    if key.startswith(EVENT):
        return _in_words(key.removeprefix(EVENT) in form.selected or None, key)
    if key.startswith(SOURCE):
        return _in_words(key.removeprefix(SOURCE) in (form[SOURCES].value() or []), key)
    value = form[key].value()
    return _in_words(value if isinstance(value, bool) else str(value or ""), key)


def _in_words(value: Any, key: str) -> str:
    """Of a header no more than whether it is there."""
    if key.startswith(HEADER):
        return "not there" if value is None else "there"
    if key.startswith((EVENT, SOURCE)):
        return "selected" if value else "not selected"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value not in {None, ""} else "empty"
