import logging
import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from django.utils import timezone

from organizations.models import Access, AuditEntry, Invitation, Membership, SignInAttempts
from organizations.models.sign_in import ATTEMPTS
from tests.conftest import PageClient
from tests.factories import PASSWORD, MembershipFactory, UserFactory
from tests.markup import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NEW = {"full_name": "Dana Field", "password": PASSWORD, "password_again": PASSWORD}


def invite(alice: PageClient, email: str = "dana@x.example", **fields: str) -> str:
    """The path of the link."""
    body = {"email": email, "webhooks_access": "read", **fields}
    page = alice.post("/members/invite", body).content.decode()
    found = re.search(r'id="link" value="http://testserver(/invitation/[^"]+)"', page)
    assert found, page
    return found[1]


def test_a_new_user_joins_with_name_and_password_and_is_signed_in(alice: PageClient) -> None:
    link = invite(alice, "Dana@X.example", webhooks_access="write", may_write_events="on")
    client = Client()
    page = text_of(client.get(link))
    assert "Alice invites dana@x.example" in page
    answer = client.post(link, NEW)
    assert answer.headers["Location"] == "/"
    user = User.objects.get(username="dana@x.example")
    assert (user.email, user.get_full_name()) == ("dana@x.example", "Dana Field")
    membership = Membership.objects.get(user=user)
    assert membership.organization == alice.organization
    assert (membership.access, membership.may_write_events) == (Access.WRITE, True)
    assert membership.invited_by is not None
    assert membership.invited_by["code"] == "alice"
    assert client.get("/members").status_code == 200
    other = Client()
    signed_in = other.post("/sign-in", {"username": "dana@x.example", "password": PASSWORD})
    assert signed_in.status_code == 302


def test_every_step_is_noted_with_who_and_from_where(alice: PageClient) -> None:
    Client(REMOTE_ADDR="192.0.2.7").post(invite(alice), NEW)
    joined, invited = AuditEntry.objects.all()
    assert (invited.action, invited.object_type, invited.object_name) == (
        *("created", "invitation"),
        "dana@x.example",
    )
    assert invited.actor_code == "alice"
    assert (joined.action, joined.object_type) == ("created", "membership")
    assert (joined.actor_code, joined.from_address) == ("dana@x.example", "192.0.2.7")


def test_the_link_is_shown_once_and_kept_nowhere(
    alice: PageClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = alice.post(
            "/members/invite", {"email": "dana@x.example", "webhooks_access": "read"}
        )
        token = answer.content.decode().split("/invitation/", 1)[1].split('"', 1)[0]
        Client().get(f"/invitation/{token}")
    assert answer.headers["Cache-Control"] == "no-store"
    again = alice.post("/members/invite", {"email": "dana@x.example", "webhooks_access": "read"})
    assert "Revoke it first" in text_of(again)
    assert "/invitation/" not in text_of(again)
    places = [
        alice.get("/members").content.decode(),
        str(list(Invitation.objects.values())),
        str(list(AuditEntry.objects.values())),
        str([session.get_decoded() for session in Session.objects.all()]),
        caplog.text,
    ]
    assert all(token not in place for place in places)


def test_an_existing_user_signs_in_first_and_then_confirms(alice: PageClient) -> None:
    user = UserFactory(username="dana", email="dana@x.example")
    link = invite(alice)
    client = Client()
    page = text_of(client.get(link))
    assert "Sign in, then confirm" in page
    assert 'name="password"' not in page
    assert client.post(link, NEW).status_code == 200
    assert not Membership.objects.filter(user=user).exists()
    body = {"username": "dana", "password": PASSWORD, "next": link}
    assert client.post("/sign-in", body).headers["Location"] == link
    assert "Join as dana" in text_of(client.get(link))
    assert client.post(link).headers["Location"] == "/"
    assert Membership.objects.get(user=user).organization == alice.organization
    assert User.objects.filter(email="dana@x.example").count() == 1


def test_joining_a_second_organization_shows_it(
    alice: PageClient, charlie_page: PageClient
) -> None:
    charlie_page.post(invite(alice))
    page = text_of(charlie_page.get("/members"))
    assert "Organization: Alice's Bakery" in page
    assert "Charlie's Shoes" in page


def test_a_member_already_keeps_what_they_have(alice: PageClient, bob_page: PageClient) -> None:
    link = invite(alice, webhooks_access="write")
    assert "a member already" in text_of(bob_page.get(link))
    assert "a member already" in text_of(bob_page.post(link))
    assert Membership.objects.get(user=bob_page.user).access is Access.READ
    assert Invitation.objects.get().is_open


def test_who_is_a_member_or_invited_already_is_not_invited(
    alice: PageClient, bob_page: PageClient
) -> None:
    body = {"email": "BOB@x.example", "webhooks_access": "read"}
    assert "a member already" in text_of(alice.post("/members/invite", body))
    assert not Invitation.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("email", ["", "x", "x@", "a@b c.example", "x" * 145 + "@x.example"])
def test_what_is_no_address_is_refused(alice: PageClient, email: str) -> None:
    body = {"email": email, "webhooks_access": "read"}
    assert "to correct" in text_of(alice.post("/members/invite", body))
    assert not Invitation.objects.exists()


def test_an_address_with_signs_that_usernames_lack_joins_too(alice: PageClient) -> None:
    client = Client()
    assert client.post(invite(alice, "o'brien!@x.example"), NEW).status_code == 302
    assert User.objects.filter(username="o'brien!@x.example").exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"full_name": ""}, "This field is required"),
        ({"password": "short", "password_again": "short"}, "too short"),
        ({"password": "password", "password_again": "password"}, "too common"),
        ({"password_again": "another"}, "The two passwords differ"),
        ({"full_name": "x" * 151}, "at most 150 characters"),
    ],
)
def test_a_refused_form_makes_no_user(
    alice: PageClient, fields: dict[str, str], message: str
) -> None:
    link, users = invite(alice), User.objects.count()
    page = text_of(Client().post(link, NEW | fields))
    assert message in page
    assert PASSWORD not in page
    assert User.objects.count() == users
    assert Invitation.objects.get().is_open


def ended(link: str) -> tuple[int, str]:
    answers = [Client().get(link), Client().post(link, NEW)]
    assert answers[0].status_code == answers[1].status_code
    for answer in answers:
        assert "Alice" not in text_of(answer)
        assert "dana" not in text_of(answer)
    title = re.search(r"<h1>(.*)</h1>", text_of(answers[0]))
    assert title
    return answers[0].status_code, title[1]


def test_a_link_works_once(alice: PageClient) -> None:
    link = invite(alice)
    Client().post(link, NEW)
    members = Membership.objects.count()
    assert ended(link) == (410, "This invitation was used")
    assert Membership.objects.count() == members


def test_a_link_ends_after_seven_days(alice: PageClient) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        link = invite(alice)
        clock.shift(timedelta(days=7, seconds=-1))
        assert Client().get(link).status_code == 200
        clock.shift(timedelta(seconds=1))
        assert ended(link) == (410, "This invitation has expired")
        alice.force_login(alice.user)  # the session is over, too
        invite(alice)  # an expired one is not in the way


def test_a_revoked_link_is_refused(alice: PageClient) -> None:
    link = invite(alice)
    url = f"/members/invitations/{Invitation.objects.get().pk}/revoke"
    assert url in text_of(alice.get("/members"))
    assert alice.post(url).headers["Location"] == "/members"
    assert ended(link) == (410, "This invitation was revoked")
    assert AuditEntry.objects.first().action == "revoked"  # type: ignore[union-attr]
    assert alice.post(url).status_code == 302
    assert AuditEntry.objects.filter(action="revoked").count() == 1
    invite(alice)  # nor is a revoked one


def test_what_was_never_a_link_is_not_found() -> None:
    assert ended("/invitation/nonsense") == (404, "There is no such invitation")
    assert ended("/invitation/" + "x" * 5_000)[0] == 404


def test_guessing_links_locks_the_address_and_nobody_else(alice: PageClient) -> None:
    link = invite(alice)
    for _ in range(ATTEMPTS):
        assert Client().get("/invitation/guess").status_code == 404
    assert Client().get(link).status_code == 429
    assert Client().post(link, NEW).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.7").get(link).status_code == 200
    SignInAttempts.objects.all().delete()
    for _ in range(ATTEMPTS * 2):
        assert Client().get(link).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_who_open_one_link_at_once_are_one_member(alice: PageClient) -> None:
    link = invite(alice)
    users = [UserFactory(), UserFactory()]
    start, answers = threading.Barrier(3), []

    def join(client: Client, body: dict[str, str]) -> None:
        start.wait(10)
        answers.append(client.post(link, body).status_code)
        connections.close_all()

    clients = [Client(), Client(), Client()]
    for client, user in zip(clients, users, strict=False):
        client.force_login(user)
    threads = [threading.Thread(target=join, args=[client, NEW]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(302) == 1
    assert Membership.objects.count() == 2
    assert User.objects.count() == (4 if User.objects.filter(username="dana@x.example") else 3)


def test_a_hundred_invitations_may_be_open(alice: PageClient) -> None:
    by = {"name": "Alice"}
    Invitation.objects.bulk_create(
        Invitation(
            organization=alice.organization,
            email=f"{number}@x.example",
            token_digest=str(number),
            invited_by=by,
            expires_at=timezone.now() + timedelta(days=1),
        )
        for number in range(100)
    )
    body = {"email": "dana@x.example", "webhooks_access": "read"}
    assert "100 invitations are open" in text_of(alice.post("/members/invite", body))
    assert Invitation.objects.count() == 100


def test_the_page_names_no_one_it_should_not_and_runs_nothing(alice: PageClient) -> None:
    alice.organization.name = "<script>alert(1)</script>"
    alice.organization.save()
    MembershipFactory(organization=alice.organization, user__username="secretive")
    page = Client().get(invite(alice)).content.decode()
    assert "<script>alert" not in page
    assert "secretive" not in page
