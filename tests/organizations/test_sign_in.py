import threading
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from organizations.models import Access, SignInAttempts
from organizations.models.sign_in import ATTEMPTS
from tests.factories import PASSWORD, MembershipFactory, OrganizationFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.urls("tests.organizations.urls"),
]


def sign_in(
    username: str, password: str = PASSWORD, *, address: str = "192.0.2.1", **fields: str
) -> Any:
    body = {"username": username, "password": password} | fields
    return Client(REMOTE_ADDR=address).post("/sign-in", body)


def is_locked(response: Any) -> bool:
    return response.status_code == 200 and "Too many failed sign-ins" in response.content.decode()


def is_wrong(response: Any) -> bool:
    return response.status_code == 200 and "Wrong username or password" in response.content.decode()


def test_the_page_has_a_form_that_works_by_keyboard_and_with_password_managers() -> None:
    page = Client().get("/sign-in").content.decode()
    assert '<label for="id_username">' in page
    assert '<label for="id_password">' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert "autofocus" in page
    assert 'name="viewport"' in page


class Inline(HTMLParser):
    """What a strict content security policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.found.append(tag)
        for name, value in attrs:
            outside = name in {"href", "src", "action"} and (value or "").startswith(("http", "//"))
            if name == "style" or name.startswith("on") or outside:
                self.found.append(f"{tag} {name}")


def test_pages_hold_nothing_inline_and_nothing_from_outside() -> None:
    client = Client()
    user = MembershipFactory().user
    pages = [client.get("/sign-in").content.decode()]
    client.force_login(user)
    pages.append(client.get("/", follow=True).content.decode())
    for page in pages:
        parser = Inline()
        parser.feed(page)
        assert parser.found == []


def test_a_user_signs_in_sees_where_and_signs_out() -> None:
    organization = OrganizationFactory(name="Alice's Bakery", time_zone="Asia/Kolkata")
    member = MembershipFactory(organization=organization, webhooks_access=Access.READ)
    client = Client()
    answer = client.post(
        "/sign-in", {"username": member.user.username, "password": PASSWORD}, follow=True
    )
    page = answer.content.decode()
    assert answer.redirect_chain == [("/", 302), ("/notifications", 302)]
    for text in (member.user.username, "Alice&#x27;s Bakery", "/api/docs"):
        assert text in page
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").headers["Location"] == "/sign-in"
    assert client.get("/feed").headers["Location"] == "/sign-in?next=/feed"


def test_whoever_is_signed_in_does_not_see_the_form() -> None:
    client = Client()
    client.force_login(UserFactory())
    assert client.get("/sign-in").headers["Location"] == "/"


def test_the_form_demands_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    body = {"username": UserFactory().username, "password": PASSWORD}
    assert client.post("/sign-in", body).status_code == 403
    client.get("/sign-in")
    body["csrfmiddlewaretoken"] = client.cookies["csrftoken"].value
    assert client.post("/sign-in", body).status_code == 302


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/api/docs", "/api/docs"),
        ("https://evil.example.com/", "/"),
        ("//evil.example.com/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_after_sign_in_one_stays_on_this_host(wanted: str, location: str) -> None:
    assert sign_in(UserFactory().username, next=wanted).headers["Location"] == location


def test_after_a_wrong_password_one_still_comes_to_where_one_wanted() -> None:
    page = sign_in("nobody", next="/feed?q=7").content.decode()
    assert '<input type="hidden" name="next" value="/feed?q=7">' in page
    first = Client().get("/sign-in?next=/feed").content.decode()
    assert '<input type="hidden" name="next" value="/feed">' in first


def test_a_wrong_password_and_an_unknown_name_get_the_same_message() -> None:
    wrong = sign_in(UserFactory().username, "wrong")
    assert is_wrong(wrong)
    assert is_wrong(sign_in("nobody", "wrong"))
    page = wrong.content.decode()
    assert "<title>Error: Sign in" in page
    assert 'role="alert"' in page


def test_an_inactive_user_gets_that_message_too() -> None:
    assert is_wrong(sign_in(UserFactory(is_active=False).username))


@pytest.mark.parametrize("text", ["", "nul\0", "x" * 10_000, "\ufdd0"])
def test_strange_names_are_refused(text: Any) -> None:
    assert sign_in(text).status_code == 200


def test_five_failures_lock_the_name_for_fifteen_minutes() -> None:
    user = UserFactory()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(ATTEMPTS):
            assert is_wrong(sign_in(user.username, "wrong", address=f"192.0.2.{number}"))
        assert is_locked(sign_in(user.username, address="198.51.100.1"))
        assert is_locked(sign_in(user.username.upper(), address="198.51.100.2"))
        clock.shift(timedelta(minutes=14, seconds=59))
        assert is_locked(sign_in(user.username, address="198.51.100.3"))
        clock.shift(timedelta(seconds=1))
        assert sign_in(user.username, address="198.51.100.4").status_code == 302


def test_five_failures_lock_the_address() -> None:
    user = UserFactory()
    for number in range(ATTEMPTS):
        assert is_wrong(sign_in(f"guess{number}", "wrong"))
    assert is_locked(sign_in(user.username))
    assert sign_in(user.username, address="198.51.100.1").status_code == 302


def test_a_name_that_does_not_exist_locks_as_well() -> None:
    for number in range(ATTEMPTS):
        sign_in("nobody", "wrong", address=f"192.0.2.{number}")
    assert is_locked(sign_in("nobody", "wrong", address="198.51.100.1"))


def test_a_success_forgets_the_failures_of_the_name() -> None:
    user = UserFactory()
    for _ in range(2):
        for number in range(ATTEMPTS - 1):
            assert is_wrong(sign_in(user.username, "wrong", address=f"192.0.2.{number}"))
        assert sign_in(user.username, address="198.51.100.1").status_code == 302
        SignInAttempts.objects.all().filter(count=0).delete()


def test_an_own_account_does_not_help_to_guess_another_ones() -> None:
    own = UserFactory()
    for number in range(ATTEMPTS):
        assert is_wrong(sign_in(f"guess{number}", "wrong"))
        if number < ATTEMPTS - 1:
            assert sign_in(own.username).status_code == 302
    assert is_locked(sign_in(own.username))


def test_many_successes_from_one_address_lock_nobody() -> None:
    user = UserFactory()
    for _ in range(ATTEMPTS * 2):
        assert sign_in(user.username).status_code == 302


def test_names_are_kept_as_digests_and_not_for_long() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        sign_in("my password by mistake", "wrong")
        assert SignInAttempts.objects.count() == 2
        assert all(len(row.subject) == 64 for row in SignInAttempts.objects.all())
        clock.shift(timedelta(days=2))
        sign_in("another", "wrong", address="198.51.100.1")
        assert SignInAttempts.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_no_more_than_guesses_in_turn() -> None:
    allowed: list[bool] = []
    start = threading.Barrier(8)

    def guess() -> None:
        start.wait(10)
        allowed.extend(SignInAttempts.objects.begin("somebody") for _ in range(3))
        connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == ATTEMPTS
    assert len(allowed) == 24


def test_a_user_without_an_organization_is_told() -> None:
    client = Client()
    client.force_login(UserFactory())
    page = client.get("/", follow=True)
    assert page.status_code == 403
    assert "You belong to no organization" in page.content.decode()
    assert client.get("/who").status_code == 403


@pytest.fixture
def member() -> User:
    """Of two organisations: Write in the first, Read in the second."""
    user: User = MembershipFactory(organization__name="First").user
    MembershipFactory(organization__name="Second", user=user, webhooks_access=Access.READ)
    return user


def test_the_session_calls_for_the_first_organization_until_another_is_chosen(member: User) -> None:
    first, second = (m.organization for m in member.memberships.all())
    client = Client()
    client.force_login(member)
    answer = client.get("/who").json()["data"]
    assert answer["organization"] == first.pk
    assert answer["actor"] == {
        "id": member.pk,
        "code": member.username,
        "description": "",
        "name": member.username,
        "type": "ADMIN_USER",
    }
    assert client.post("/organization", {"organization": second.pk}).headers["Location"] == "/"
    assert client.get("/who").json()["data"]["organization"] == second.pk
    assert "Organization: Second" in client.get("/", follow=True).content.decode()
    assert client.post("/who").status_code == 403


@pytest.mark.parametrize("wanted", ["", "x", "0", "-1", "\u0663", "9" * 30, "stranger"])
def test_an_organization_of_others_can_not_be_chosen(member: User, wanted: str) -> None:
    client = Client()
    client.force_login(member)
    number = str(OrganizationFactory().pk) if wanted == "stranger" else wanted
    assert client.post("/organization", {"organization": number}).status_code == 404


def test_a_member_who_was_removed_falls_back_to_another_organization(member: User) -> None:
    second = member.memberships.last()
    assert second is not None
    client = Client()
    client.force_login(member)
    client.post("/organization", {"organization": second.organization_id})
    second.delete()
    assert client.get("/who").json()["data"]["organization"] != second.organization_id


def test_the_api_in_a_session_demands_the_csrf_token_to_write(member: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    assert client.get("/who").status_code == 200
    assert client.post("/who").status_code == 403
    client.get("/", follow=True)
    token = client.cookies["csrftoken"].value
    answer = client.post("/who", {}, "application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 200


def test_an_inactive_users_session_is_no_longer_one(member: User) -> None:
    client = Client()
    client.force_login(member)
    member.is_active = False
    member.save()
    assert client.get("/who").status_code == 401
