"""The audit log: who changed what, on a page and as CSV."""

import csv
import json
import zoneinfo
from collections.abc import Iterator
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from organizations import audit
from organizations.audit_log import ORDER
from organizations.differences import differences, label_of
from organizations.forms.audit_log import AuditFilterForm
from organizations.keyset import Cursor, Stretch, in_chunks, stretch
from organizations.models import AuditEntry
from organizations.pages.page import Page, TemplatePage
from organizations.queries import query_of

ROWS = 50
ROWS_OF_CHUNK = 1_000
NOT_SHOWN_AT_ONCE_FROM = 4
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
COLUMNS = [
    *("at", "who", "signed in as", "kind", "from", "action"),
    *("object type", "object id", "object name", "before", "after"),
]
# What an object's page is called, and what of the entry stands in its address.
PAGES = {
    "webhook": ("webhook-detail", "object_id"),
    "event type": ("event-type-detail", "object_name"),
    "credential": ("credential-list", None),
    "membership": ("membership-list", None),
    "invitation": ("membership-list", None),
    "organization": ("preferences", None),
    "operational webhook": ("alert-list", None),
}


class AuditList(TemplatePage):
    section = "audit"
    template_name = "organizations/auditentry_list.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        form = AuditFilterForm(self.request.GET)
        part = self._part(form)
        form.offer(self.organization)
        query = query_of(form.chosen)
        return {
            **context,
            "form": form,
            "part": part,
            "rows": [_row(entry) for entry in part.rows],
            "chosen": form.chosen,
            "query": f"{query}&" if query else "",
        }

    def _part(self, form: AuditFilterForm) -> Stretch[AuditEntry]:
        if not form.is_valid():
            return Stretch([], None, None)
        entries = form.filters.of(self.organization)
        newer, older = self._cursor("newer"), self._cursor("older")
        return stretch([entries], ROWS, ORDER, newer=newer, older=older)

    def _cursor(self, name: str) -> Cursor | None:
        """None also for what is no cursor: an old link still shows the log."""
        try:
            return ORDER.parse(self.request.GET.get(name, ""))
        except ValueError:
            return None


class AuditExport(Page):
    """All that the filters let through, newest first. Needs Write: that it was done is kept.

    The file comes in chunks: memory stays small and the database is not held for all of it.
    """

    http_method_names = ["post"]
    section = "audit"

    def post(self, *_: object, **__: object) -> HttpResponseBase:
        form = AuditFilterForm(self.request.POST)
        if not form.is_valid():
            return redirect("audit-list")
        entry = audit.record(
            self.request, action="exported audit log", obj=self.organization, after=form.chosen
        )
        entries = form.filters.of(self.organization)
        zone = self.request.membership.zone
        lines = _lines(in_chunks(entries, ROWS_OF_CHUNK, ORDER, ORDER.of(entry)), zone)
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        name = f"audit-log-{self.organization.pk}-{timezone.localdate():%Y-%m-%d}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def _row(entry: AuditEntry) -> dict[str, Any]:
    changes = differences(entry.before, entry.after)
    return {
        "entry": entry,
        "action": label_of(entry.action),
        "is_till": entry.actor.get("type") == "TILL",
        "url": _page_of(entry),
        "changes": changes,
        "is_folded": len(changes) >= NOT_SHOWN_AT_ONCE_FROM,
    }


def _page_of(entry: AuditEntry) -> str:
    """Empty where there is none, or not any more."""
    name, field = PAGES.get(entry.object_type, (None, None))
    if name is None or entry.action == "deleted":
        return ""
    try:
        return reverse(name, args=[getattr(entry, field)] if field else [])
    except NoReverseMatch:
        return ""


class _Line:
    """What csv.writer takes for a file: keeps the last line instead."""

    def write(self, text: str) -> str:
        return text


def _lines(entries: Iterator[AuditEntry], zone: zoneinfo.ZoneInfo) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff"  # spreadsheets take a file without it for one of their own code page
    yield writer.writerow(COLUMNS)
    for entry in entries:
        yield writer.writerow([_harmless(cell) for cell in _cells(entry, zone)])


def _cells(entry: AuditEntry, zone: zoneinfo.ZoneInfo) -> list[str]:
    return [
        entry.at.astimezone(zone).isoformat(timespec="milliseconds"),
        str(entry.actor.get("name", "")),
        str(entry.actor.get("code", "")),
        str(entry.actor.get("type", "")),
        entry.from_address or "",
        entry.action,
        entry.object_type,
        entry.object_id,
        entry.object_name,
        json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
        json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
    ]


def _harmless(cell: str) -> str:
    """A spreadsheet runs cells that begin like a formula; with an apostrophe they are text."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
