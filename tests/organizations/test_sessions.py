import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests.conftest import PageClient
from tests.factories import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.mark.parametrize(
    "cookie",
    ['"\\000aaaaaaaaaaaa"', '"\\303\\050aaaaaaaa"', "é" * 20, "a" * 41, "A" * 32, "short", "", '"'],
)
def test_a_cookie_that_is_no_key_is_as_good_as_none(cookie: str) -> None:
    answer = Client().get("/notifications", headers={"Cookie": f"sessionid={cookie}"})
    assert answer.headers["Location"] == "/sign-in?next=/notifications"


def test_a_session_begins_anew_with_the_sign_in(alice: PageClient) -> None:
    victim = Client()
    victim.cookies["sessionid"] = "a" * 32  # that somebody else knows
    victim.post("/sign-in", {"username": "alice", "password": PASSWORD})
    assert victim.get("/notifications").status_code == 200
    assert victim.cookies["sessionid"].value != "a" * 32
    other = Client()
    other.cookies["sessionid"] = "a" * 32
    assert other.get("/notifications").status_code == 302


def test_a_session_is_over_with_the_sign_out(alice: PageClient) -> None:
    key = alice.cookies["sessionid"].value
    alice.post("/sign-out")
    assert not Session.objects.filter(pk=key).exists()
    again = Client()
    again.cookies["sessionid"] = key
    assert again.get("/notifications").status_code == 302
