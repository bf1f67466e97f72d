from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from tests.conftest import PageClient
from tests.factories import PASSWORD, MembershipFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_after_signing_in_one_gets_the_page_one_wanted() -> None:
    answer = Client().get("/feed?q=482579328")
    assert answer.headers["Location"] == "/sign-in?next=/feed%3Fq%3D482579328"


def test_a_form_that_was_sent_after_the_session_ended_does_not_come_back_as_a_page() -> None:
    assert Client().post("/organization").headers["Location"] == "/sign-in?next=/"


def test_a_fragment_sends_the_whole_page_to_sign_in() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/feed?q=1"}
    answer = Client().get("/feed", headers=headers)
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/feed%3Fq%3D1"


def test_a_fragments_address_elsewhere_is_not_followed() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example.com/feed"}
    assert Client().get("/feed", headers=headers).headers["HX-Redirect"] == "/sign-in?next=/"


@pytest.mark.parametrize("address", ["http://[", "//", "http://testserver//evil.example/", "\\"])
def test_a_fragments_address_that_is_none_is_survived(address: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": address}
    wanted = Client().get("/feed", headers=headers).headers["HX-Redirect"]
    signed_in = MembershipFactory(user__username="zoe").user
    answer = Client().post(wanted, {"username": signed_in.username, "password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_whoever_belongs_to_no_organization_is_told_so() -> None:
    client = Client()
    client.force_login(UserFactory(username="nobody"))
    answer = client.get("/notifications")
    assert answer.status_code == 403
    assert "You belong to no organization" in answer.content.decode()


def test_without_anybody_in_charge_the_operator_is_named() -> None:
    client = PageClient(MembershipFactory(webhooks_access="none"))
    page = client.get("/notifications").content.decode()
    assert "ask whoever runs this service" in page


def test_a_reader_who_writes_is_told_who_can_let_them(
    bob_page: PageClient, alice: PageClient
) -> None:
    page = bob_page.post("/notifications/new")
    assert page.status_code == 403
    assert "You may look, not change" in page.content.decode()
    assert alice.user.email in page.content.decode()


def test_the_readers_zone_does_not_stay_with_the_thread(alice: PageClient) -> None:
    alice.organization.time_zone = "Asia/Kolkata"
    alice.organization.save()
    alice.get("/notifications")
    assert timezone.get_current_timezone() == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("cookie", "marked"), [("dark", True), ("light", True), ("x", False), ('"><script>', False)]
)
def test_the_theme_is_the_cookies_if_it_is_one(
    alice: PageClient, cookie: str, marked: bool
) -> None:
    alice.cookies["theme"] = cookie
    page = alice.get("/notifications").content.decode()
    assert (f'data-theme="{cookie}"' in page) == marked
    assert "<script>" not in page


def test_another_method_than_the_pages_is_refused(alice: PageClient) -> None:
    assert alice.put("/notifications").status_code == 405
