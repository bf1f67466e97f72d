from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from organizations.models import AuditEntry, Membership, SignInAttempts
from organizations.models.sign_in import ATTEMPTS
from tests.conftest import PageClient
from tests.factories import PASSWORD, MembershipFactory
from tests.markup import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NEW = "another horse staple battery"


def zone_of(client: PageClient) -> str:
    return str(Membership.objects.get(pk=client.membership.pk).zone)


def change_password(client: Client, old: str = PASSWORD, new: str = NEW, again: str = NEW) -> Any:
    body = {"old_password": old, "new_password1": new, "new_password2": again}
    return client.post("/preferences/password", body)


def test_the_page_says_plainly_that_there_is_one_language(alice: PageClient) -> None:
    page = text_of(alice.get("/preferences"))
    assert "These pages exist in no other language." in page
    assert 'name="language"' not in page


def test_times_are_shown_in_ones_own_zone_once_it_is_chosen(alice: PageClient) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    alice.post("/preferences", {"own_time_zone": ""})
    assert zone_of(alice) == "Asia/Kolkata"
    saved = alice.post("/preferences", {"own_time_zone": "Europe/Berlin"})
    assert saved.headers["Location"] == "/preferences"
    assert zone_of(alice) == "Europe/Berlin"
    page = text_of(alice.get("/preferences"))
    assert '<option value="Europe/Berlin" selected>' in page
    assert "As the organization: Asia/Kolkata" in page
    assert "CET" in text_of(alice.get("/audit-log")) or "CEST" in text_of(alice.get("/audit-log"))
    alice.post("/preferences", {"own_time_zone": ""})
    assert zone_of(alice) == "Asia/Kolkata"


def test_ones_own_zone_is_noted_and_nobody_elses(alice: PageClient, bob_page: PageClient) -> None:
    for _ in range(2):
        bob_page.post("/preferences", {"own_time_zone": "Europe/Berlin"})
    assert zone_of(alice) == "UTC"
    entry = AuditEntry.objects.get()
    assert (entry.actor_code, entry.object_type) == ("bob", "membership")
    assert (entry.before, entry.after) == (
        {"own_time_zone": ""},
        {"own_time_zone": "Europe/Berlin"},
    )


@pytest.mark.parametrize("zone", ["Nowhere/Land", "x" * 100, "../etc/passwd"])
@pytest.mark.parametrize(
    ("url", "field"),
    [("/preferences", "own_time_zone"), ("/preferences/organization", "time_zone")],
)
def test_what_is_no_time_zone_is_refused(
    alice: PageClient, url: str, field: str, zone: str
) -> None:
    page = text_of(alice.post(url, {field: zone}))
    assert "One thing to correct" in page or "2 things to correct" in page
    assert zone_of(alice) == "UTC"
    assert not AuditEntry.objects.exists()


def test_write_sets_the_organizations_zone_for_all(alice: PageClient, bob_page: PageClient) -> None:
    answer = alice.post("/preferences/organization", {"time_zone": "Asia/Tokyo"})
    assert answer.headers["Location"] == "/preferences"
    assert zone_of(bob_page) == "Asia/Tokyo"
    entry = AuditEntry.objects.get()
    assert (entry.object_type, entry.object_id) == ("organization", str(alice.organization.pk))
    assert (entry.before, entry.after) == ({"time_zone": "UTC"}, {"time_zone": "Asia/Tokyo"})


def test_read_sets_only_their_own(bob_page: PageClient) -> None:
    page = text_of(bob_page.get("/preferences"))
    assert 'name="own_time_zone"' in page
    assert 'name="time_zone"' not in page
    answer = bob_page.post("/preferences/organization", {"time_zone": "Asia/Tokyo"})
    assert answer.status_code == 403
    assert zone_of(bob_page) == "UTC"


def test_without_access_ones_own_settings_are_still_ones_own(nina: PageClient) -> None:
    assert nina.get("/preferences").status_code == 200
    assert nina.post("/preferences", {"own_time_zone": "Asia/Tokyo"}).status_code == 302
    assert zone_of(nina) == "Asia/Tokyo"
    assert change_password(nina).status_code == 302


def test_a_new_password_keeps_this_session_and_ends_the_others(alice: PageClient) -> None:
    other = Client()
    other.force_login(alice.user)
    assert change_password(alice).headers["Location"] == "/preferences"
    assert "Your password is changed." in text_of(alice.get("/preferences"))
    assert other.get("/preferences").status_code == 302
    assert User.objects.get(pk=alice.user.pk).check_password(NEW)


def test_changing_the_password_is_noted_without_it(alice: PageClient) -> None:
    change_password(alice)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_type, entry.object_name) == (
        *("changed password", "user"),
        "alice",
    )
    assert (entry.before, entry.after) == ({}, {})


@pytest.mark.parametrize(
    ("passwords", "message"),
    [
        (("wrong", NEW, NEW), "This is not your old password"),
        ((PASSWORD, "short", "short"), "too short"),
        ((PASSWORD, "password", "password"), "too common"),
        ((PASSWORD, NEW, NEW + "x"), "two password fields"),
        (("", "", ""), "This field is required"),
    ],
)
def test_a_refused_password_changes_nothing(
    alice: PageClient, passwords: tuple[str, str, str], message: str
) -> None:
    page = text_of(change_password(alice, *passwords))
    assert message in page
    assert NEW not in page
    assert User.objects.get(pk=alice.user.pk).check_password(PASSWORD)
    assert not AuditEntry.objects.exists()


def test_the_old_password_can_not_be_guessed_in_a_stolen_session(alice: PageClient) -> None:
    for _ in range(ATTEMPTS):
        assert "not your old password" in text_of(change_password(alice, "wrong"))
    assert "Too many wrong passwords" in text_of(change_password(alice))
    assert User.objects.get(pk=alice.user.pk).check_password(PASSWORD)
    SignInAttempts.objects.all().delete()
    assert change_password(alice).status_code == 302


def test_each_organization_has_its_own_choice(alice: PageClient) -> None:
    second = MembershipFactory(user=alice.user)
    alice.post("/preferences", {"own_time_zone": "Asia/Tokyo"})
    second.refresh_from_db()
    assert second.own_time_zone == ""


def test_the_page_takes_few_queries(alice: PageClient, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(4):  # session, user, memberships, the form's own
        alice.get("/preferences")
