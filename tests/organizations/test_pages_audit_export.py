import csv
import io

import pytest

from organizations.models import AuditEntry
from tests.conftest import PageClient
from tests.organizations.audit_entries import START, filled, log

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def exported(client: PageClient, **filters: str) -> list[list[str]]:
    answer = client.post("/audit-log/export", filters)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-log-')
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


def test_the_export_holds_what_is_filtered_all_of_it(
    alice: PageClient, charlie_page: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organizations.pages.audit_log.ROWS_OF_CHUNK", 7)
    filled(alice, 120)
    log(charlie_page, action="created")
    head, *rows = exported(alice, action="created")
    assert head[:6] == ["at", "who", "signed in as", "kind", "from", "action"]
    assert [row[8] for row in rows] == [str(number) for number in range(118, -1, -2)]
    assert rows[-1][:3] == ["2026-03-01T12:00:00.000+00:00", "Alice", "alice"]


def test_the_export_is_noted_and_not_in_itself(alice: PageClient) -> None:
    log(alice, action="created")
    rows = exported(alice, action="created", since="2026-01-01")
    assert len(rows) == 2
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.action, entry.object_type) == ("exported audit log", "organization")
    assert entry.after == {"action": "created", "since": "2026-01-01"}
    assert len(exported(alice)) == 3


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_no_cell_of_the_export_is_a_formula(alice: PageClient, text: str) -> None:
    log(alice, object_name=text, object_id=text, actor={"name": text, "code": text, "type": text})
    _, row = exported(alice)
    assert row.count("'" + text) == 5
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d")) for cell in row)


def test_moments_of_the_export_are_in_the_readers_zone(alice: PageClient) -> None:
    alice.membership.own_time_zone = "Asia/Kolkata"
    alice.membership.save()
    log(alice, at=START)
    assert exported(alice)[1][0] == "2026-03-01T17:30:00.000+05:30"


def test_another_organizations_export_is_its_own(
    alice: PageClient, charlie_page: PageClient
) -> None:
    log(alice)
    assert len(exported(charlie_page)) == 1


def test_read_sees_the_log_and_does_not_export(alice: PageClient, bob_page: PageClient) -> None:
    log(alice)
    assert "as CSV" in alice.get("/audit-log").content.decode()
    page = bob_page.get("/audit-log").content.decode()
    assert "Orders" in page
    assert "/audit-log/export" not in page
    assert bob_page.post("/audit-log/export").status_code == 403
    assert AuditEntry.objects.count() == 1
