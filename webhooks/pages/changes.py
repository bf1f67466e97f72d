"""What others changed in a webhook while somebody edited it, and how the form takes it in."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.core import signing
from django.utils import timezone

from organizations.models import AuditEntry
from organizations.sources import source_label
from webhooks import queue_password
from webhooks.form_fields import SOURCES
from webhooks.forms import WebhookForm
from webhooks.merge import (
    EVENT,
    HEADER,
    SOURCE,
    URL,
    URL_SECRET,
    Merged,
    Snapshot,
    header_key,
    merge,
    snapshot,
    untouched,
)
from webhooks.models import Webhook

SALT = "webhooks.seen"
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
    mine |= untouched(form.pairs, form.data.get(URL, ""), seen.fields)
    return merge(seen.fields, _snapshot(stored), mine)


def changes(form: WebhookForm, seen: Seen, stored: Webhook, merged: Merged) -> Changes:
    theirs = _snapshot(stored)
    entries = _entries_since(seen, stored)
    rows = [
        Change(
            label=label_of(key, form),
            before=_in_words(seen.fields.get(key), key),
            theirs=_their_words(seen.fields.get(key), theirs.get(key), key),
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
    if key == URL_SECRET:
        return "Password in the URL"
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
    if key == URL_SECRET:
        return "the password you typed"
    if key.startswith(EVENT):
        return _in_words(key.removeprefix(EVENT) in form.selected or None, key)
    if key.startswith(SOURCE):
        return _in_words(key.removeprefix(SOURCE) in (form[SOURCES].value() or []), key)
    value = form[key].value()
    if key == URL:
        value = queue_password.shown(*queue_password.separated(str(value or "")))
    return _in_words(value if isinstance(value, bool) else str(value or ""), key)


def _their_words(before: Any, value: Any, key: str) -> str:
    is_other = _is_secret(key) and before is not None and value is not None
    return "another value" if is_other else _in_words(value, key)


def _is_secret(key: str) -> bool:
    return key.startswith(HEADER) or key == URL_SECRET


def _in_words(value: Any, key: str) -> str:
    """Of what is secret no more than whether it is there."""
    if _is_secret(key):
        return "not there" if value is None else "there"
    if key.startswith((EVENT, SOURCE)):
        return "selected" if value else "not selected"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value not in {None, ""} else "empty"
