"""Certificates are verified by name, and TLS drips no better than anything else."""

import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
import trustme

from delivery.transport.guard import Guard
from delivery.transport.http import Door
from delivery.transport.resolver import Address, Resolver
from delivery.transport.result import ErrorClass
from tests.delivery.transport.conftest import LOOPBACK, OpenDoor, post_through
from tests.receiver import Receiver

DEADLINE_S = 0.6


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def door(open_door: OpenDoor, bundle: str) -> Door:
    return open_door(ca_bundle=bundle)


def test_a_valid_certificate_is_accepted_and_the_connection_kept(
    door: Door, authority: trustme.CA
) -> None:
    with Receiver(tls=server_context(authority, "127.0.0.1")) as receiver:
        for target in ("/status/200", "/chunked", "/status/204"):
            assert post_through(door, receiver.url(target)).error is None
        assert receiver.connections == 1


def test_the_name_is_verified_without_its_trailing_dot(
    open_door: OpenDoor, authority: trustme.CA, bundle: str
) -> None:
    asked = []

    def lookup(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [(socket.AF_INET, ("127.0.0.1", port))]

    guard = Guard(allowed_networks=LOOPBACK, resolver=Resolver(lookup=lookup))
    door = open_door(guard=guard, ca_bundle=bundle)
    with Receiver(tls=server_context(authority, "shop.example")) as receiver:
        result = post_through(door, f"https://shop.example.:{receiver.port}/status/200")

        assert result.status == 200
        assert asked == ["shop.example."]
        assert receiver.requests[0].headers["host"] == f"shop.example:{receiver.port}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl names the files there")
def test_a_bundle_may_be_a_directory(
    open_door: OpenDoor, authority: trustme.CA, bundle: str, tmp_path: Path
) -> None:
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    subject = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", bundle],
        capture_output=True,
        text=True,
        check=True,
    )
    (hashed / f"{subject.stdout.strip()}.0").write_bytes(authority.cert_pem.bytes())
    with Receiver(tls=server_context(authority, "127.0.0.1")) as receiver:
        assert post_through(open_door(ca_bundle=str(hashed)), receiver.url()).status == 200


def test_a_large_body_arrives_whole(door: Door, authority: trustme.CA) -> None:
    body = bytes(range(256)) * 40_000
    with Receiver(tls=server_context(authority, "127.0.0.1"), receive_buffer=4096) as receiver:
        assert post_through(door, receiver.url(), body).status == 200
        assert receiver.requests[0].body == body


def test_a_certificate_for_another_name_is_refused(door: Door, authority: trustme.CA) -> None:
    with Receiver(tls=server_context(authority, "example.com")) as receiver:
        result = post_through(door, receiver.url())

        assert result.error is ErrorClass.TLS
        assert "not valid for '127.0.0.1'" in result.detail
        assert result.address == f"127.0.0.1:{receiver.port}"
        assert receiver.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(door: Door) -> None:
    with Receiver(tls=server_context(trustme.CA(), "127.0.0.1")) as receiver:
        assert post_through(door, receiver.url()).error is ErrorClass.TLS
        assert receiver.requests == []


def test_the_environment_has_no_say(
    monkeypatch: pytest.MonkeyPatch,
    open_door: OpenDoor,
    bundle: str,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    with Receiver() as proxy, Receiver(tls=server_context(authority, "127.0.0.1")) as receiver:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url("/"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
        assert post_through(open_door(ca_bundle=bundle), receiver.url()).status
        assert proxy.connections == 0
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, bundle)
        unaware = post_through(open_door(), receiver.url())
        assert unaware.error is ErrorClass.TLS
    assert not keys.exists()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_an_old_version_of_tls_is_refused(door: Door, authority: trustme.CA) -> None:
    context = server_context(authority, "127.0.0.1")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with Receiver(tls=context) as receiver:
        assert post_through(door, receiver.url()).error is ErrorClass.TLS


def test_a_receiver_without_tls_is_a_tls_error(door: Door) -> None:
    with Receiver(drip_on_connect=b"HTTP/1.1 400 Bad Request\r\n\r\n") as receiver:
        url = receiver.url().replace("http:", "https:")
        assert post_through(door, url).error is ErrorClass.TLS


def test_a_handshake_that_drips_is_cut_at_the_deadline(door: Door) -> None:
    with Receiver(drip_on_connect=b"\x16\x03\x03\x3f\xff" + bytes(1000)) as receiver:
        assert_cut(door, receiver.port)


def test_a_handshake_that_nobody_answers_is_cut_at_the_deadline(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_cut(door, silent.getsockname()[1])


def assert_cut(door: Door, port: int) -> None:
    started = time.monotonic()
    result = post_through(door, f"https://127.0.0.1:{port}/", timeout_s=DEADLINE_S)

    assert result.error is ErrorClass.TIMEOUT
    assert result.address == f"127.0.0.1:{port}"
    assert time.monotonic() - started < DEADLINE_S + 2


@pytest.mark.parametrize("target", ["/hang", "/drip-headers", "/continue-for-ever"])
def test_a_slow_receiver_is_cut_at_the_deadline(
    target: str, door: Door, authority: trustme.CA
) -> None:
    with Receiver(tls=server_context(authority, "127.0.0.1")) as receiver:
        result = post_through(door, receiver.url(target), timeout_s=DEADLINE_S)

    assert result.error is ErrorClass.TIMEOUT
    assert result.duration_ms < (DEADLINE_S + 2) * 1000


def test_a_kept_connection_that_was_closed_is_replaced(door: Door, authority: trustme.CA) -> None:
    with Receiver(tls=server_context(authority, "127.0.0.1")) as receiver:
        for target in ("/status/200", "/close-second", "/status/200"):
            assert post_through(door, receiver.url(target)).status == 200
        receiver.close_connections()
        assert post_through(door, receiver.url()).status == 200
