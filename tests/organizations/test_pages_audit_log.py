import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from organizations import audit_log
from organizations.audit import record
from organizations.authentication import Caller
from organizations.keyset import Cursor
from organizations.models import Credential
from tests.conftest import PageClient
from tests.factories import CredentialFactory, MembershipFactory, WebhookFactory
from tests.markup import text_of
from tests.organizations.audit_entries import START, filled, log

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def names(page: str) -> list[str]:
    """Of the objects, from the top."""
    return re.findall(r'"muted">[^<]*</span> (?:<a [^>]*>)?([^<]*?)(?:</a>)? <a', page)


def test_an_entry_tells_who_when_from_where_and_what_it_was_before(alice: PageClient) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    log(
        alice,
        at=START,
        from_address="192.0.2.1",
        before={"max_connections": 20, "active": True, "timeout_s": None},
        after={"max_connections": 40, "active": False, "timeout_s": 5},
    )
    page = text_of(alice.get("/audit-log"))
    for text in ("17:30:00", "IST", "Alice", "192.0.2.1", "Changed", "webhook", "Orders"):
        assert text in page
    assert "<dt>Max connections</dt><dd><del>20</del> <ins>40</ins> </dd>" in page
    assert "<dt>Active</dt><dd><del>Yes</del> <ins>No</ins> </dd>" in page
    assert "<dt>Timeout (in seconds)</dt><dd><ins>5</ins> </dd>" in page


def test_what_pages_do_stands_in_the_log(alice: PageClient) -> None:
    alice.post("/credentials/new", {"code": "till.7", "webhooks_access": "read"})
    alice.post(f"/credentials/{Credential.objects.get().pk}/revoke")
    page = text_of(alice.get("/audit-log"))
    assert names(page) == ["till.7", "till.7"]
    assert ">Revoked</span>" in page
    assert ">Created</span>" in page


def test_many_fields_are_folded(alice: PageClient) -> None:
    log(alice, after={f"field_{number}": number for number in range(5)})
    assert "5 fields</summary>" in text_of(alice.get("/audit-log"))


def test_entries_lead_to_their_objects_where_those_have_a_page(alice: PageClient) -> None:
    webhook = WebhookFactory(organization=alice.organization)
    by = Caller.member(alice.membership)
    record(by, action="changed", obj=webhook)
    record(by, action="changed", obj=alice.membership)
    record(by, action="changed", obj=alice.organization)
    record(by, action="changed", obj=alice.user)
    page = text_of(alice.get("/audit-log"))
    assert f'<a href="/notifications/{webhook.public_id}">' in page
    assert page.count('<a href="/members">') == 2  # the navigation's
    assert '<a href="/preferences">Alice' in page
    assert alice.get(f"/notifications/{webhook.public_id}").status_code == 200


def test_what_was_deleted_has_no_link(alice: PageClient) -> None:
    log(alice, action="deleted")
    assert 'href="/notifications/abc"' not in text_of(alice.get("/audit-log"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["d", "c", "b", "a"]),
        ("person=bob", ["b"]),
        ("action=deleted", ["c"]),
        ("type=credential", ["d"]),
        ("object=a", ["a"]),
        ("object=id-b", ["b"]),
        ("type=webhook&object=id-c", ["c"]),
        ("type=credential&object=id-c", []),
        ("since=2026-03-02", ["d", "c", "b"]),
        ("until=2026-03-02", ["b", "a"]),
        ("since=2026-03-02&until=2026-03-02", ["b"]),
        ("person=nobody", []),
        ("person=alice&action=changed&type=webhook", ["a"]),
        ("older=nonsense", ["d", "c", "b", "a"]),
        ("newer=9999999999999999-1", ["d", "c", "b", "a"]),
    ],
)
def test_filters_let_through_what_they_say(
    alice: PageClient, bob_page: PageClient, query: str, found: list[str]
) -> None:
    day = timedelta(days=1)
    log(alice, object_name="a", object_id="id-a", at=START)
    log(bob_page, object_name="b", object_id="id-b", at=START + day)
    log(alice, object_name="c", object_id="id-c", at=START + 2 * day, action="deleted")
    log(alice, object_name="d", object_id="id-d", at=START + 3 * day, object_type="credential")
    page = text_of(alice.get(f"/audit-log?{query}"))
    assert names(page) == found
    assert ("No entry matches" in page) == (not found)


def test_days_are_those_of_the_reader(alice: PageClient) -> None:
    alice.membership.own_time_zone = "Asia/Tokyo"
    alice.membership.save()
    log(alice, object_name="a", at=datetime(2026, 3, 1, 14, 59, tzinfo=UTC))
    log(alice, object_name="b", at=datetime(2026, 3, 1, 15, 1, tzinfo=UTC))
    assert names(text_of(alice.get("/audit-log?since=2026-03-02"))) == ["b"]
    assert names(text_of(alice.get("/audit-log?until=2026-03-01"))) == ["a"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("since=yesterday", "Use a date"),
        ("until=0001-01-01", "Use a year"),
        ("since=9999-12-31", "Use a year"),
        ("since=2026-03-02&until=2026-03-01", "before the first day"),
        ("object=" + "x" * 201, "at most 200"),
        ("person=%00", "Null characters"),
    ],
)
def test_filters_that_make_no_sense_find_nothing_and_say_why(
    alice: PageClient, query: str, message: str
) -> None:
    log(alice)
    page = text_of(alice.get(f"/audit-log?{query}"))
    assert message in page
    assert names(page) == []


def test_filters_offer_what_the_log_holds(alice: PageClient, charlie_page: PageClient) -> None:
    log(alice)
    log(alice, action="revoked", object_type="credential")
    log(charlie_page, action="elsewhere")
    till = Caller.with_credential(CredentialFactory(organization=alice.organization, code="till"))
    log(alice, actor=till.actor)
    page = text_of(alice.get("/audit-log?person=gone"))
    options = re.findall(r'<option value="([^"]*)"', page)
    assert options == [
        *("", "alice", "till", "gone"),
        *("", "changed", "revoked"),
        *("", "credential", "webhook"),
    ]
    assert "Alice (alice)" in page


def test_pages_lead_to_the_end_and_back_and_leave_nothing_out(alice: PageClient) -> None:
    filled(alice, 120)
    numbers = [str(number) for number in reversed(range(120))]
    page = text_of(alice.get("/audit-log"))
    seen = [names(page)]
    while link := re.search(r'href="(\?older=[^"]+)" rel="next"', page):
        page = text_of(alice.get(f"/audit-log{link[1]}"))
        seen.append(names(page))
    assert [len(part) for part in seen] == [50, 50, 20]
    assert [name for part in seen for name in part] == numbers
    back = [seen[-1]]
    while link := re.search(r'href="(\?newer=[^"]+)" rel="prev"', page):
        page = text_of(alice.get(f"/audit-log{link[1]}"))
        back.append(names(page))
    assert back == seen[::-1]
    assert 'rel="prev"' not in page


def test_pages_keep_the_filters(alice: PageClient) -> None:
    filled(alice, 120)
    page = text_of(alice.get("/audit-log?action=created"))
    link = re.search(r'href="(\?[^"]+)" rel="next"', page)
    assert link
    assert names(text_of(alice.get(f"/audit-log{link[1]}"))) == [
        str(number) for number in range(18, -1, -2)
    ]


def test_every_filter_reads_a_page_of_an_index(alice: PageClient) -> None:
    filled(alice, 2_000)
    filters = [
        audit_log.Filters(),
        audit_log.Filters(since=START, until=START + timedelta(days=1)),
        audit_log.Filters(person="alice"),
        audit_log.Filters(action="created"),
        audit_log.Filters(object_type="webhook"),
    ]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    order = audit_log.ORDER
    is_older = order.older(Cursor(START + timedelta(seconds=300), 1))
    for each in filters:
        entries = each.of(alice.organization).filter(is_older).order_by(*order.latest_first)
        plan = entries[:50].explain()
        assert "audit_by_" in plan, plan
        assert "Seq Scan" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_the_page_takes_the_same_queries_for_many(
    alice: PageClient, django_assert_max_num_queries: Any
) -> None:
    log(alice)
    for _ in range(2):
        # session, user, memberships, entries, three lists of values, names of members
        with django_assert_max_num_queries(8):
            alice.get("/audit-log")
        filled(alice, 200)
        MembershipFactory.create_batch(20, organization=alice.organization)


def test_another_organizations_log_is_its_own(alice: PageClient, charlie_page: PageClient) -> None:
    log(alice)
    page = text_of(charlie_page.get("/audit-log?object=abc"))
    assert names(page) == []
    assert "Orders" not in page


def test_hostile_content_is_shown_and_not_run(alice: PageClient) -> None:
    hostile = "<script>alert(1)</script>"
    log(
        alice,
        object_name=hostile,
        object_id=hostile[:64],
        object_type=hostile[:40],
        action=hostile[:40],
        actor={"name": hostile, "code": hostile, "type": hostile},
        before={hostile: hostile},
        after={hostile: [hostile]},
    )
    page = alice.get("/audit-log").content.decode()
    assert hostile not in page
    assert page.count("&lt;script&gt;alert(1)") > 5
    assert hostile not in alice.get("/audit-log", {"object": hostile}).content.decode()


def test_nothing_yet_is_explained(alice: PageClient) -> None:
    assert "Nothing was changed yet" in text_of(alice.get("/audit-log"))


def test_entries_that_come_meanwhile_move_no_page(alice: PageClient) -> None:
    filled(alice, 60)
    page = text_of(alice.get("/audit-log"))
    with time_machine.travel(timezone.now(), tick=False):
        log(alice, object_name="new")
    link = re.search(r'href="(\?older=[^"]+)"', page)
    assert link
    older = text_of(alice.get(f"/audit-log{link[1]}"))
    assert names(older) == [str(number) for number in range(9, -1, -1)]
