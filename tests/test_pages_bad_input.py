"""Whatever is sent to a page, it answers, and never with a fault of its own.

Generated from the URLs; which parameters and fields a page reads is found out by asking it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from organizations.models import SignInAttempts
from tests.conftest import PageClient
from tests.endpoints import Endpoint, page_endpoints
from tests.page_forms import FORMS, Fields, Ids, filled, invitation_to, objects_of, takes_forms

pytestmark = pytest.mark.django_db

PAGES = [page for page in page_endpoints() if page.view is not None]
WITH_FORM = [page for page in PAGES if takes_forms(page)]
ALWAYS = {"x", "page", "back", "next"}
RAW = [  # as they stand in the query
    *("", "%00", "a%00b", "%ED%A0%80", "%FF%FE", "%C3%28", "%", "%zz", "%0D%0AX-Evil:1"),
    *("x" * 10_000, "9" * 5_000, "0" * 5_000),
]
TEXTS = [
    *("-1", "0", "2147483648", "9223372036854775808", "1e999", "NaN", "٣", "²", "+1", "1_0", " 1 "),
    *("0-" + "0" * 32, "9" * 17 + "-" + "f" * 32, "9" * 16 + "-" + "9" * 18),
    *("//evil.example", "https://evil.example", "http:///evil.example", "javascript:alert(1)"),
    *("/\\evil.example", "/ \nx", "//[", "{}", "[]", "null", "'", '"><b>', "' OR 1=1 --", "\\"),
    *("\u202e", "\ufeff", "😀", "None", "..", "%s", "{0}", "custom", "choose"),
]
EASTERN = str.maketrans("0123456789", "".join(chr(0x660 + digit) for digit in range(10)))
MOMENTS = [
    *("0000-00-00", "0001-01-01", "9999-12-31", "99999-01-01", "-0001-01-01", "2026-02-30"),
    *("0001-01-01T00:00", "9999-12-31T23:59", "9999-12-31T23:59:59", "2026-11-21T25:61"),
    *("1000-01-01T00:00", "3000-01-01", "2026-01-01".translate(EASTERN)),
]
# The worst of all these: each field and parameter gets each, all of them at once.
WORST = [
    *("-1", "9" * 30, "9" * 5_000, "²", "x" * 10_000, "//evil.example", '"><b>', "[]"),
    *("9" * 17 + "-" + "f" * 32, "9" * 16 + "-" + "9" * 18),
]
ALONE = ["9" * 30, "x" * 10_000]  # with nothing else wrong
EDGES = ["0001-01-01", "0001-01-01T00:00", "9999-12-31", "9999-12-31T23:59"]
ZONES = ["Pacific/Kiritimati", "Pacific/Pago_Pago"]  # the first and the last
NARROWING = {"range": "custom", "period": "choose"}  # so that the moments are looked at
PATHS = [
    *("0", "-1", "9" * 19, "9" * 30, "9" * 5_000, "٣", "\0", "a\0b", "0" * 24, "g" * 24, "\u202e"),
    *(
        "x" * 3_000,
        "..",
        "%",
        "'",
        "null",
        "😀",
        " ",
        "new",
        "00000000-0000-0000-0000-000000000000",
    ),
]
BODIES = [
    ("", "application/x-www-form-urlencoded"),
    ("{}", "application/json"),
    ("[" * 5_000, "application/json"),
    ("hello", "text/plain"),
    ("a=1", "nonsense"),
    ("a=1", "application/x-www-form-urlencoded; charset=utf-16"),
    ("a=1", "application/x-www-form-urlencoded; charset=nonsense"),
    ("%ff=%00&&==&%zz", "application/x-www-form-urlencoded"),
    ("nothing of the kind", "multipart/form-data"),
    ("nothing of the kind", "multipart/form-data; boundary="),
    ("nothing of the kind", "multipart/form-data; boundary=é"),
    ("nothing of the kind", "multipart/form-data; boundary=x"),
    ("--x\r\nContent-Disposition: form-data; name=a\r\n", "multipart/form-data; boundary=x"),
    ("--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
    (
        "--x\r\nContent-Disposition: form-data; name=url\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--",
        "multipart/form-data; boundary=x",
    ),
]
HEADERS = [
    {"HX-Request": "true", "HX-Current-URL": "http://["},
    {"HX-Request": "true", "HX-Current-URL": "http://testserver//evil.example/"},
    {"HX-Request": "true", "HX-Current-URL": "javascript:alert(1)"},
    {"HX-Request": "true", "HX-Current-URL": "%ED%A0%80", "HX-Current-URL-URI-AutoEncoded": "true"},
    {"HX-Request": "true", "HX-Target": '"><script>', "HX-Trigger": '"><script>'},
    {"HX-Request": "true", "HX-Target": "schema", "HX-Trigger": "x" * 10_000},
    {"HX-Request": "true", "HX-Target": "results"},
    {"HX-Request": "true", "HX-Target": "%00", "HX-Target-URI-AutoEncoded": "true"},
    {"HX-Request": "true", "HX-Target": "feed"},
    {"HX-Request": "true", "HX-Target": "log"},
    {"HX-Request": "true", "HX-Target": "exchange-9"},
    {"HX-Request": "true", "X-Organization": "9" * 5_000},
    {"Cookie": 'sessionid="\\000aaaaaaaaaaaa"'},
    {"Cookie": "sessionid=" + "a" * 5_000 + "; csrftoken=\x80; theme=\x00"},
    {"Cookie": "=;;a=\x80; messages=x"},
    {"Host": "evil.example"},
    {"Host": "testserver:99999999"},
    {"Host": "testserver@evil.example"},
    {"Referer": "http://["},
    {"Origin": "null"},
    {"Accept-Language": "\x80" * 500},
    {"If-Modified-Since": "nonsense"},
    {"Content-Length": "nonsense"},
    {"X-Forwarded-For": "é, nonsense"},
    {"X-Cap-Request-Id": "\x80"},
]


@pytest.fixture
def ids(alice: PageClient) -> Ids:
    return objects_of(alice.organization)


def check(answer: Any) -> None:
    assert answer.status_code < 500, answer.content
    for name in ("Location", "HX-Redirect"):
        target = urlsplit(urljoin("http://testserver/", answer.headers.get(name, "/")))
        assert (target.scheme, target.netloc) == ("http", "testserver"), target
    assert "X-Evil" not in answer
    if answer.streaming:
        b"".join(answer.streaming_content)


def url_of(page: Endpoint, ids: Ids) -> str:
    """With the token of no invitation: five of them lock an address out, so that is forgotten."""
    SignInAttempts.objects.all().delete()
    return page.url({"token": "nobody-has-it", **ids})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of parameters and fields that were read meanwhile."""
    names: set[str] = set()

    def noting(method: Any) -> Any:
        def note(data: Any, name: str, *more: Any) -> Any:
            names.add(str(name))
            return method(data, name, *more)

        return note

    for method in ("__getitem__", "__contains__", "getlist", "pop"):
        monkeypatch.setattr(QueryDict, method, noting(getattr(QueryDict, method)))
    return names


def parameters_of(page: Endpoint, client: Client, ids: Ids, asked: set[str]) -> list[str]:
    """What it reads when nothing is given, and when each of that is given."""
    asked.clear()
    for fragment in ({}, {"HX-Request": "true"}):
        client.get(url_of(page, ids), headers=fragment)
        client.get(url_of(page, ids), dict.fromkeys(asked, "1"), headers=fragment)
    return sorted(asked | ALWAYS)


def in_turn(names: Sequence[str], values: Sequence[str]) -> Iterator[dict[str, str]]:
    """Every name with every value once, in as many sets as there are values."""
    for shift in range(len(values)):
        yield {name: values[(place + shift) % len(values)] for place, name in enumerate(names)}


def test_the_form_of_every_page_is_known() -> None:
    assert {page.name for page in WITH_FORM} == set(FORMS)


@pytest.mark.both_databases
@pytest.mark.parametrize("page", PAGES, ids=str)
def test_hostile_parameters(page: Endpoint, alice: PageClient, ids: Ids, asked: set[str]) -> None:
    values = [*RAW, *map(quote, TEXTS)]
    url = url_of(page, ids)
    names = parameters_of(page, alice, ids, asked)
    for value in values:
        check(alice.get(f"{url}?" + "&".join(f"{name}={value}" for name in names)))
    for parameters in in_turn(names, ["%00", "%ED%A0%80", *map(quote, WORST)]):
        check(alice.get(f"{url}?" + "&".join(map("=".join, parameters.items()))))
    for name in names:
        for value in map(quote, ALONE):
            check(alice.get(f"{url}?{name}={value}"))
        check(alice.get(f"{url}?{name}[]=1&{name}[a]=2&{name}=3&{name}=4"))
    check(alice.get(f"{url}?" + "&".join(f"{name}=1" for name in names * 500)))
    check(alice.get(f"{url}?{'a' * 10_000}=1&%00=%00&%ED%A0%80=1&%zz&==&;"))


@pytest.mark.both_databases
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("page", PAGES, ids=str)
def test_moments_beyond_the_calendar(
    page: Endpoint, zone: str, alice: PageClient, ids: Ids, asked: set[str]
) -> None:
    alice.organization.time_zone = zone
    alice.organization.save()
    url = url_of(page, ids)
    names = parameters_of(page, alice, ids, asked)
    for value in MOMENTS:
        check(alice.get(url, dict.fromkeys(names, value) | NARROWING))
    for parameters in in_turn(names, EDGES):
        check(alice.get(url, parameters | NARROWING))
    for name in names:
        check(alice.get(url, NARROWING | {name: EDGES[-1]}))
    if takes_forms(page):
        fields = filled(page, alice, ids)
        for changed in in_turn(list(fields), EDGES):
            alice.force_login(alice.user)
            check(alice.post(url, fields | changed))


@pytest.mark.both_databases
@pytest.mark.parametrize("page", [page for page in PAGES if page.parameters], ids=str)
def test_hostile_paths(page: Endpoint, alice: PageClient, ids: Ids) -> None:
    for value in PATHS:
        url = url_of(page, dict.fromkeys([*ids, "token"], value))
        check(alice.get(url))
        check(alice.post(url))
        check(Client().get(url))
    for raw in ("%ED%A0%80", "%FF", "%00", "%zz", "%0D%0A", "%2F"):
        url = url_of(page, dict.fromkeys([*ids, "token"], "MARK")).replace("MARK", raw)
        check(alice.get(url))
        check(alice.post(url))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_hostile_headers(page: Endpoint, alice: PageClient, ids: Ids) -> None:
    for headers in HEADERS:
        check(alice.get(url_of(page, ids), headers=headers))
        check(Client().post(url_of(page, ids), headers=headers))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_hostile_bodies(page: Endpoint, alice: PageClient, ids: Ids) -> None:
    for body, content_type in BODIES:
        for client in (alice, Client(enforce_csrf_checks=True)):
            url = url_of(page, ids)
            check(client.generic("POST", url, body.encode(), content_type))
    check(alice.put(url_of(page, ids), json.dumps({}), "application/json"))


def variants(fields: Fields, name: str) -> Iterator[Fields]:
    """The form with something else in one field."""
    for value in ["", *ALONE, "\0"]:
        yield fields | {name: value}
    yield fields | {name: ["1", "2"]}
    yield fields | {f"{name}[]": "1", f"{name}[a]": "1"}
    yield {other: value for other, value in fields.items() if other != name}
    yield fields | {name: SimpleUploadedFile('"><b>\0.csv', b"\0\xff" * 100)}


def post(page: Endpoint, client: Client, ids: Ids, fields: Fields) -> None:
    check(client.post(url_of(page, ids), fields, MULTIPART_CONTENT))


@pytest.mark.both_databases
@pytest.mark.parametrize("page", WITH_FORM, ids=str)
def test_hostile_fields(page: Endpoint, alice: PageClient, ids: Ids, asked: set[str]) -> None:
    fields = filled(page, alice, ids)
    asked.clear()
    post(page, alice, ids, fields)
    names = sorted({*asked, *fields, "x", "back"} - {"csrfmiddlewaretoken"})
    for changed in in_turn(names, [*WORST, "a\0b", *EDGES]):
        alice.force_login(alice.user)
        post(page, alice, ids, fields | changed)
    for name in names:
        for variant in variants(fields, name):
            alice.force_login(alice.user)
            post(page, alice, ids, variant)


@pytest.mark.parametrize("page", WITH_FORM, ids=str)
def test_large_forms(page: Endpoint, alice: PageClient, ids: Ids) -> None:
    fields = filled(page, alice, ids)
    for name in fields or {"x": ""}:
        alice.force_login(alice.user)
        post(page, alice, ids, fields | {name: "x" * 5_000_000})
    each = 20_000 // max(len(fields), 2)
    for many in (["1"] * each, [f"n{number}" for number in range(each)]):
        alice.force_login(alice.user)
        post(page, alice, ids, fields | dict.fromkeys(fields or ["x"], many))
    check(alice.post(url_of(page, ids), {f"x{number}": "1" for number in range(30_000)}))
    check(alice.post(url_of(page, ids), {"x": "x" * 9_000_000}))


@pytest.mark.parametrize("name", sorted(FORMS["invitation-accept"](None, {})))  # type: ignore[arg-type]
def test_hostile_answers_to_an_invitation(name: str, alice: PageClient) -> None:
    fields = FORMS["invitation-accept"](alice, {})
    for number, variant in enumerate(variants(fields, name)):
        invitation = invitation_to(alice.organization, f"new{number}@bakery.example")
        token = invitation.issue_token()
        invitation.save()
        check(Client().post(f"/invitation/{token}", variant))
