import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from organizations import invitations
from organizations.authentication import Caller
from organizations.models import Access, AuditEntry, Invitation, Membership, Organization
from tests.conftest import PageClient
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LAST = "Nobody else has Write here"


def change(client: Client, membership: Membership, access: str, **fields: str) -> Any:
    return client.post(f"/members/{membership.pk}/change", {"webhooks_access": access, **fields})


def access_of(membership: Membership) -> Access:
    return Membership.objects.get(pk=membership.pk).access


def test_the_list_tells_who_may_do_what(alice: PageClient, bob_page: PageClient) -> None:
    alice.user.last_login = None
    alice.user.save()
    bob_page.membership.invited_by = {"name": "Alice"}
    bob_page.membership.save()
    MembershipFactory(user=UserFactory(username="elsewhere"))
    page = alice.get("/members").content.decode()
    first, second = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)[1:]
    for text in ("Alice", "alice@x.example", "Write", "never", ">you<"):
        assert text in first
    for text in ("Bob", "bob@x.example", "Read", "now", "Alice"):
        assert text in second
    assert "elsewhere" not in page


def test_access_is_changed_counts_at_once_and_is_noted(
    alice: PageClient, bob_page: PageClient
) -> None:
    assert bob_page.get("/members/invite").status_code == 403
    answer = change(alice, bob_page.membership, "write", may_write_events="on")
    assert answer.headers["Location"] == "/members"
    assert bob_page.get("/members/invite").status_code == 200
    assert Membership.objects.get(pk=bob_page.membership.pk).may_write_events
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_type) == ("changed", "membership")
    assert entry.before == {"webhooks_access": "read", "may_write_events": False}
    assert entry.after == {"webhooks_access": "write", "may_write_events": True}
    change(alice, bob_page.membership, "none")
    assert bob_page.get("/members").status_code == 403


def test_saving_what_is_so_already_is_no_change(alice: PageClient) -> None:
    assert change(alice, alice.membership, "write").status_code == 302
    assert not AuditEntry.objects.exists()


def test_nonsense_is_no_access(alice: PageClient, bob_page: PageClient) -> None:
    page = change(alice, bob_page.membership, "owner").content.decode()
    assert "not one of the available choices" in page
    assert access_of(bob_page.membership) is Access.READ


def test_removing_ends_the_access_at_once(alice: PageClient, bob_page: PageClient) -> None:
    url = f"/members/{bob_page.membership.pk}/remove"
    assert "Remove Bob?" in alice.get(url).content.decode()
    assert bob_page.get("/members").status_code == 200
    assert alice.post(url).headers["Location"] == "/members"
    answer = bob_page.get("/members")
    assert answer.status_code == 403
    assert "You belong to no organization" in answer.content.decode()
    assert bob_page.get("/v3/webhooks").status_code == 403
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_name) == ("deleted", "bob in Alice's Bakery")
    assert entry.before == {"webhooks_access": "read", "may_write_events": False}


def test_the_last_with_write_can_neither_be_lowered_nor_removed(alice: PageClient) -> None:
    MembershipFactory(organization=alice.organization, user__is_active=False)
    MembershipFactory()
    assert LAST in change(alice, alice.membership, "read").content.decode()
    refused = alice.post(f"/members/{alice.membership.pk}/remove")
    assert LAST in refused.content.decode()
    assert access_of(alice.membership) is Access.WRITE
    assert not AuditEntry.objects.exists()


def test_with_another_one_in_charge_one_may_step_down(alice: PageClient) -> None:
    other = MembershipFactory(organization=alice.organization)
    assert change(alice, alice.membership, "none").status_code == 302
    answer = alice.get("/members")
    assert answer.status_code == 403
    assert other.user.username in answer.content.decode()


def _at_once(*actions: Callable[[], Any]) -> list[Any]:
    start, answers = threading.Barrier(len(actions)), []

    def run(action: Callable[[], Any]) -> None:
        start.wait(10)
        answers.append(action())
        connections.close_all()

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "way", ["each lowers the other", "each lowers themself", "each removes themself"]
)
def test_two_at_once_do_not_leave_nobody_in_charge(way: str) -> None:
    organization = OrganizationFactory()
    one, two = (MembershipFactory(organization=organization) for _ in range(2))
    clients = [Client(), Client()]
    for client, membership in zip(clients, (one, two), strict=True):
        client.force_login(membership.user)
    goals = (two, one) if way == "each lowers the other" else (one, two)
    actions = [
        partial(client.post, f"/members/{goal.pk}/remove")
        if way == "each removes themself"
        else partial(change, client, goal, "read")
        for client, goal in zip(clients, goals, strict=True)
    ]
    _at_once(*actions)
    assert Membership.objects.filter(organization=organization).in_charge().count() == 1


def test_a_member_who_is_gone_already_is_told_of(alice: PageClient, bob_page: PageClient) -> None:
    url = f"/members/{bob_page.membership.pk}/remove"
    alice.post(url)
    assert alice.post(url).status_code == 404
    assert change(alice, bob_page.membership, "write").status_code == 404


def test_read_sees_members_and_no_controls(alice: PageClient, bob_page: PageClient) -> None:
    invite(alice.organization, "new@x.example")
    page = bob_page.get("/members").content.decode()
    assert "alice@x.example" in page
    assert "new@x.example" in page
    for control in ("/members/invite", "/change", "/remove", "/revoke"):
        assert control not in page
    assert change(bob_page, bob_page.membership, "write").status_code == 403
    assert access_of(bob_page.membership) is Access.READ
    pk = Invitation.objects.get().pk
    assert bob_page.post(f"/members/invitations/{pk}/revoke").status_code == 403
    assert Invitation.objects.get().is_open


def test_members_of_others_do_not_exist(alice: PageClient, charlie_page: PageClient) -> None:
    invitation = invite(alice.organization, "new@x.example")
    assert change(charlie_page, alice.membership, "none").status_code == 404
    for url in (
        f"/members/{alice.membership.pk}/remove",
        f"/members/invitations/{invitation.pk}/revoke",
    ):
        assert charlie_page.post(url).status_code == 404
    assert access_of(alice.membership) is Access.WRITE
    assert Invitation.objects.get().is_open


def test_hostile_names_are_shown_and_not_run(alice: PageClient) -> None:
    name = "<script>alert(1)</script>"
    other = MembershipFactory(organization=alice.organization, user__first_name=name)
    for url in ("/members", f"/members/{other.pk}/change", f"/members/{other.pk}/remove"):
        page = alice.get(url).content.decode()
        assert name not in page
        assert "&lt;script&gt;alert(1)" in page
    assert name not in change(alice, other, "read").content.decode()
    assert name not in alice.get("/members").content.decode()


def invite(organization: Organization, email: str) -> Invitation:
    by = Caller.member(MembershipFactory(organization=organization))
    made, _ = invitations.invite(
        organization, email, access=Access.READ, may_write_events=False, by=by
    )
    return made


def test_the_list_takes_the_same_queries_for_many(
    alice: PageClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        with django_assert_max_num_queries(6):  # session, user, memberships, count, page, open
            alice.get("/members")
        for address in range(20):
            invite(alice.organization, f"{number}.{address}@x.example")
    assert "61 members, page 1 of 2" in alice.get("/members").content.decode()
