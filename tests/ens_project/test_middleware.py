import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, path
from rest_framework.test import APIClient

from ens_project.urls import handler400, handler403, handler404, handler500
from tests.conftest import CredentialClient, PageClient
from tests.factories import MembershipFactory

__all__ = ["handler400", "handler403", "handler404", "handler500"]


def explode(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the secret is 42")


# This module is a URL configuration as well, with views that no program has.
urlpatterns: list[URLPattern | URLResolver] = [
    path("v3/explode", explode),
    path("explode", explode),
    path("", explode, name="home"),
]


def failure(answer: Any) -> tuple[int, int]:
    """Status and code of an answer that must be an envelope."""
    assert answer["Content-Type"] == "application/json"
    shown = json.loads(answer.content)
    assert set(shown) == {"data", "errors", "warnings"}
    assert shown["data"] is None
    assert shown["warnings"] is None
    return answer.status_code, shown["errors"][0]["code"]


@pytest.fixture(params=[False, True], ids=["production", "debugging"])
def debugging(request: pytest.FixtureRequest) -> Iterator[None]:
    with override_settings(DEBUG=request.param):
        yield


def test_an_id_is_made_for_every_answer() -> None:
    answers = [Client().get(path) for path in ("/livez", "/v3/nothing", "/nothing")]
    ids = [answer["X-Cap-Requestid"] for answer in answers]
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize("given", ["a", "A-Z.0_9:x", "x" * 128])
def test_the_callers_id_is_kept(given: str) -> None:
    answer = Client().get("/v3/nothing", headers={"X-CAP-REQUEST-ID": given})
    assert answer["X-Cap-Requestid"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "ä", "a\n", "<script>", "a/b"])
def test_an_unusable_id_is_replaced(given: str) -> None:
    answer = Client().get("/v3/nothing", headers={"X-CAP-REQUEST-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", answer["X-Cap-Requestid"])


@pytest.mark.usefixtures("debugging")
@pytest.mark.parametrize("url", ["/v3", "/v3/", "/v3/nothing", "/v3/webHooks/a/b/c", "/v3//"])
def test_an_unknown_path_of_the_api_is_404_in_the_envelope(url: str) -> None:
    assert failure(Client().get(url)) == (404, 404)


@pytest.mark.usefixtures("debugging")
@override_settings(ROOT_URLCONF="tests.ens_project.test_middleware")
def test_a_fault_of_ours_is_500_in_the_envelope() -> None:
    answer = Client(raise_request_exception=False).get("/v3/explode")
    assert failure(answer) == (500, 500)
    assert b"secret" not in answer.content


@override_settings(ROOT_URLCONF="tests.ens_project.test_middleware")
def test_a_fault_elsewhere_is_a_small_page_with_the_id() -> None:
    answer = Client(raise_request_exception=False).get("/explode")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert answer["X-Cap-Requestid"] in answer.content.decode()
    assert b"secret" not in answer.content


def test_an_unknown_page_is_a_small_page() -> None:
    answer = Client().get("/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.usefixtures("debugging")
def test_a_host_that_is_not_ours_is_400_in_the_envelope() -> None:
    assert failure(Client().get("/v3/webHooks", headers={"Host": "evil.example"})) == (400, 51050)
    assert Client().get("/livez", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.usefixtures("debugging")
@pytest.mark.parametrize(
    "url",
    [
        "/v3/webHooks/%00",
        "/v3/webHooks/%ff",
        "/v3/webHooks/%ed%a0%80",
        "/v3/webHooks?name=%00",
        "/v3/webHooks?name=%ff",
        "/v3/webHooks?%ed%a0%80=1",
        "/v3/nothing?%c3",
    ],
)
def test_a_path_or_query_that_is_no_text_is_400(url: str) -> None:
    assert failure(Client().get(url)) == (400, 51050)


@pytest.mark.django_db
def test_too_many_parameters_are_400(api: CredentialClient) -> None:
    assert failure(api.get("/v3/webHooks?" + "a=1&" * 30_000)) == (400, 51050)


@pytest.mark.django_db
def test_an_answer_that_is_not_accepted_is_json_all_the_same(api: CredentialClient) -> None:
    assert failure(api.get("/v3/webHooks", headers={"Accept": "text/html"})) == (406, 406)
    assert api.get("/v3/webHooks", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_405(api: Any, method: str) -> None:
    answer = api.generic(method, "/v3/webHooks", b"{}", "application/json")
    assert failure(answer) == (405, 405)
    assert "GET" in answer["Allow"]


def test_who_does_not_sign_in_is_asked_to() -> None:
    answer = APIClient().get("/v3/webHooks")
    assert failure(answer) == (401, 401)
    assert answer["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.django_db
def test_a_session_without_csrf_token_is_403() -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(MembershipFactory().user)
    assert failure(client.post("/v3/webHooks", {})) == (403, 4000)


@pytest.mark.django_db
def test_a_session_with_a_form_is_415_not_an_empty_body() -> None:
    client = APIClient()
    client.force_login(MembershipFactory().user)
    for body, content_type in (
        ("name=x", "application/x-www-form-urlencoded"),
        ("--x--", "multipart/form-data; boundary=x"),
    ):
        assert failure(client.generic("POST", "/v3/webHooks", body, content_type)) == (415, 415)


@pytest.mark.django_db
def test_a_reader_may_not_write(bob: CredentialClient) -> None:
    answer = bob.post("/v3/webHooks", {})
    assert failure(answer) == (403, 4000)
    assert answer.json()["errors"][0]["message"] == "Not authorized. Access is denied!"


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.msg, dict)
        self.lines.append(record.msg)


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    handler, logger = Lines(), logging.getLogger("ens_project.middleware")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.mark.django_db
def test_a_request_is_one_line_without_its_path(
    api: CredentialClient, lines: list[dict[str, Any]]
) -> None:
    answer = api.get("/v3/webHooks/0123456789ab?name=919812345678")
    [line] = lines
    assert line["request_id"] == answer["X-Cap-Requestid"]
    assert line["organization_id"] == api.organization.pk
    assert (line["method"], line["status"]) == ("GET", 400)
    assert "(?P<public_id>" in line["route"]
    assert line["duration_ms"] > 0
    assert "0123456789ab" not in str(line)
    assert "919812345678" not in str(line)


def test_a_page_that_is_not_there_is_a_line_as_well(lines: list[dict[str, Any]]) -> None:
    Client().get("/nothing/919812345678")
    assert [(line["status"], line["route"], line["organization_id"]) for line in lines] == [
        (404, None, None)
    ]


@pytest.mark.django_db
def test_no_page_is_kept_by_browsers_and_proxies(alice: PageClient) -> None:
    for url in ("/notifications", "/nothing", "/members/999999999/change", "/feed?q=x", "/"):
        assert alice.get(url)["Cache-Control"] == "no-store"
    assert alice.post("/notifications/new", {})["Cache-Control"] == "no-store"
    assert "no-store" in Client().get("/sign-in")["Cache-Control"]
    assert "no-store" not in Client().get("/static/favicon.svg").headers.get("Cache-Control", "")


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/invitation/%00", "/%00", "/notifications/a%00b"])
def test_nul_in_a_path_is_a_bad_request_everywhere(url: str) -> None:
    answer = Client().get(url)
    assert answer.status_code == 400
    assert "Bad request" in answer.content.decode()
    assert "default-src" in answer["Content-Security-Policy"]
