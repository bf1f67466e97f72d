"""Bodies, mostly sent to the one endpoint that needs no credential."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from ens_project.embedded import free_port
from ens_project.wsgi import plain

TOKEN = "/v3/oauth/token/generate"
ROOT = Path(__file__).parent.parent.parent


def posted(client: Any, body: bytes, content_type: str = "application/json") -> Any:
    return client.generic("POST", TOKEN, body, content_type)


def codes(answer: Any) -> tuple[int, list[int]]:
    shown = json.loads(answer.content)
    assert shown["data"] is None
    return answer.status_code, [error["code"] for error in shown["errors"]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 51040),
        (b"{", 51041),
        (b"\xff", 51042),
        (b"[" * 100, 51043),
        (b'{"a":1,"a":1}', 51044),
        (b'{"a":NaN}', 51045),
        (b'{"a":' + b"1" * 500 + b"}", 51046),
        (b'{"a":"\\u0000"}', 51047),
        (b'{"a":"\\ud800"}', 51048),
    ],
)
def test_a_body_that_is_no_strict_json_is_a_bad_request(body: bytes, code: int) -> None:
    assert codes(posted(APIClient(), body)) == (400, [code])


def test_the_place_in_the_body_is_told() -> None:
    answer = posted(APIClient(), b'{"a":[{"b":NaN}]}')
    assert answer.json()["errors"][0]["field"] == "a[0].b"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=hex",
        "",
        "x" * 10_000,
        "application",
        "/",
    ],
)
def test_another_media_type_or_charset_is_415(content_type: str) -> None:
    assert codes(posted(APIClient(), b"{}", content_type)) == (415, [415])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf8"'],
)
def test_json_in_utf_8_is_read(content_type: str, api: Any) -> None:
    assert codes(api.generic("POST", "/v3/webHooks", b"[]", content_type)) == (400, [51049])


def test_a_body_over_the_limit_is_413_before_it_is_read() -> None:
    assert codes(posted(APIClient(), b" " * (1024 * 1024 + 1))) == (413, [413])


def test_a_body_at_the_limit_is_read() -> None:
    assert codes(posted(APIClient(), b" " * 1024 * 1024)) == (400, [51041])


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a real gunicorn. Its database has no tables."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "2"),
            *("--no-control-socket", "ens_project.wsgi"),
        ],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": "sqlite://:memory:", "REDIS_URL": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if "Booting worker" in line:
            break
    yield port
    process.terminate()
    process.communicate(timeout=10)


def chunked(port: int, *chunks: bytes) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", TOKEN, iter(chunks), headers, encode_chunked=True)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())["errors"][0]["code"]


def test_a_chunked_body_is_read(server: int) -> None:
    assert chunked(server, b'{"a":', b"1,", b'"a":1}') == (400, 51044)


def test_a_chunked_body_over_the_limit_is_413(server: int) -> None:
    assert chunked(server, *[b" " * 65536] * 17) == (413, 413)


def test_a_chunked_body_of_nothing_is_told_as_such(server: int) -> None:
    assert chunked(server) == (400, 51040)


def test_a_broken_chunk_is_a_bad_request(server: int) -> None:
    with socket.create_connection(("127.0.0.1", server), timeout=20) as connection:
        head = f"POST {TOKEN} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\nzz\r\n".encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "broken",
    [
        "application/json; charset*=bogus'en'utf-8",
        "application/json; charset=hex",
        "application/json; charset=latin-1",
        "\x80\xff",
        ";;=",
    ],
)
def test_a_content_type_that_django_stumbles_over_is_415(server: int, broken: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=20)
    headers = {"Content-Type": broken.encode("latin-1")}
    connection.request("POST", f"{TOKEN}?a=b", b"{}", headers)
    answer = connection.getresponse()
    shown = json.loads(answer.read())
    assert (answer.status, shown["errors"][0]["code"]) == (415, 415)


@pytest.mark.parametrize(
    "given", ["hex", "utf-7", "idna", "undefined", "\0", "utf-8' ; charset*=bogus'en'x"]
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_in_another_charset_is_read_as_an_empty_one(kind: str, given: str) -> None:
    assert plain(f"{kind}; boundary=x; charset={given}") == ""


def test_a_pages_boundary_stays() -> None:
    kind = "multipart/form-data; boundary="
    assert plain(f'{kind}"x"; charset=UTF-8') == plain(f"{kind}x") == f'{kind}"x"'


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("charset", ["hex", "undefined", "latin-1", "utf-7", "utf-8"])
def test_a_page_answers_whatever_charset_it_is_asked_in(
    server: int, method: str, charset: str
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=20)
    headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    body = "--x\r\nContent-Disposition: form-data; name=q\r\n\r\n+2AA-\r\n--x--\r\n"
    connection.request(method, "/feed?a=b", body.encode(), headers)
    answer = connection.getresponse()
    assert answer.status in {302, 403}
    answer.read()


def test_a_charset_and_too_many_parameters_are_a_bad_request(server: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=20)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    connection.request("POST", f"{TOKEN}?{'a&' * 1500}", b"{", headers)
    answer = connection.getresponse()
    shown = json.loads(answer.read())
    assert (answer.status, shown["errors"][0]["code"]) in {(400, 51041), (400, 51050)}
