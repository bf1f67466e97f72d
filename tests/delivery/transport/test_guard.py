"""Which addresses are refused, in which spellings, and when."""

import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from delivery.transport.guard import ForbiddenAddress, Guard
from delivery.transport.resolver import Address, Resolver
from delivery.transport.result import ErrorClass
from tests.delivery.transport.conftest import LOOPBACK, OpenDoor, post_through, soon, v4
from tests.receiver import Receiver

FORBIDDEN = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    "link-local and cloud metadata": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "a cloud platform's own": ["168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254"],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "192.0.0.8", "192.88.99.1", "100::1", "4000::1", "5f00::1"],
    "broadcast": ["255.255.255.255"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "unique-local and site-local": ["fc00::1", "fdff::1", "fec0::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"],
    "compatible": ["::127.0.0.1", "::10.0.0.1", "::8.8.8.8"],
    "6to4": ["2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ISATAP": ["2a00:1450::5efe:10.0.0.1", "2a00:1450::200:5efe:127.0.0.1"],
}

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize(
    ("kind", "address"),
    [(kind, address) for kind, all_of in FORBIDDEN.items() for address in all_of],
)
def test_an_address_is_refused_that_is(kind: str, address: str) -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        Guard().check_address(address)
    assert refused.value.code == "address_forbidden"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    Guard().check_address(address)


def test_an_allowed_network_wins_over_everything_known_about_an_address() -> None:
    guard = Guard(allowed_networks=(ip_network("10.1.0.0/16"), ip_network("fd12::/16")))

    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1"):
        guard.check_address(address)
    for address in ("10.2.0.1", "::ffff:10.2.0.1", "fd13::1"):
        with pytest.raises(ForbiddenAddress):
            guard.check_address(address)


def test_an_installation_can_forbid_public_networks() -> None:
    guard = Guard(forbidden_networks=(ip_network("8.8.8.0/24"),))

    for address in ("8.8.8.8", "::ffff:8.8.8.8"):
        with pytest.raises(ForbiddenAddress):
            guard.check_address(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "017700000001",
        "0177.0.0.01",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "0",
        "0x0",
        "%31%32%37.0.0.1",
        "127%2e0.0.1",
        "127。0。0。1",
        "１２７.0.0.1",  # noqa: RUF001 - fullwidth digits
        "①②⑦.0.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1%25eth0]",
        "[::1%251]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "shop.localhost",
        "256.256.256.256",
        "08.1.1.1",
        "1.2.3.4.5",
        "example.0x7f",
    ],
)
def test_the_early_check_refuses_a_url_to(host: str) -> None:
    for url in (f"http://{host}/", f"https://{host}:8443/a?b"):
        with pytest.raises(ForbiddenAddress):
            Guard().check_url(url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/", "url_invalid"),
        ("//example.com/", "url_invalid"),
        ("example.com", "url_invalid"),
        ("javascript:alert(1)", "url_invalid"),
        ("http:///path", "url_invalid"),
        ("http://user:secret@example.com/", "url_invalid"),
        ("http://user@example.com/", "url_invalid"),
        ("http://example.com\\@127.0.0.1/", "url_invalid"),
        ("http://exa mple.com/", "url_invalid"),
        ("http://example.com/\r\nHost: other", "url_invalid"),
        ("http://example..com/", "url_invalid"),
        (f"http://{'a' * 64}.com/", "url_invalid"),
        ("http://example.com:99999/", "url_invalid"),
        ("http://example.com:25/", "port_forbidden"),
        ("https://example.com:22/", "port_forbidden"),
    ],
)
def test_the_early_check_says_what_is_wrong(url: str, code: str) -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        Guard().check_url(url)
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=b",
        "http://example.com:8080/",
        "https://münchen.example/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://sub.domain_with_underscore.example/",
        "https://example.com./",
    ],
)
def test_the_early_check_passes_a_public_receiver(url: str) -> None:
    Guard().check_url(url)


def test_schemes_and_ports_are_settings() -> None:
    guard = Guard(allowed_schemes=frozenset({"https"}), allowed_ports=frozenset({443}))

    guard.check_url("https://example.com/")
    with pytest.raises(ForbiddenAddress) as scheme:
        guard.check_url("http://example.com/")
    with pytest.raises(ForbiddenAddress) as port:
        guard.check_url("https://example.com:8443/")
    assert (scheme.value.code, port.value.code) == ("scheme_forbidden", "port_forbidden")


def test_a_name_is_refused_whole_if_any_of_its_addresses_is() -> None:
    guard = Guard(resolver=Resolver(lookup=lambda host, port: v4("8.8.8.8", "127.0.0.1")))

    with pytest.raises(ForbiddenAddress) as refused:
        guard.resolve("shop.example", 80, soon())
    assert str(refused.value) == "shop.example leads to an address that is not public (loopback)"


def test_a_name_with_public_addresses_leads_to_all_of_them() -> None:
    guard = Guard(resolver=Resolver(lookup=lambda host, port: v4("8.8.8.8", "1.1.1.1")))

    assert guard.resolve("shop.example", 80, soon()) == v4("8.8.8.8", "1.1.1.1")


def test_a_literal_is_not_looked_up() -> None:
    asked = []

    def lookup(host: str, port: int) -> list[Address]:
        asked.append(host)
        return []

    guard = Guard(resolver=Resolver(lookup=lookup))

    assert guard.resolve("0x08080808", 80, soon()) == v4("8.8.8.8")
    with pytest.raises(ForbiddenAddress):
        guard.resolve("0x7f.1", 80, soon())
    assert asked == []


def test_a_name_that_changes_its_mind_after_the_first_connection_gains_nothing(
    open_door: OpenDoor,
) -> None:
    """DNS rebinding: allowed at first, forbidden as soon as it is asked again."""
    answers = iter([v4("127.0.0.2"), v4("127.0.0.1")])

    def lookup(host: str, port: int) -> Sequence[Address]:
        return [(family, (sockaddr[0], port)) for family, sockaddr in next(answers)]

    guard = Guard(allowed_networks=(ip_network("127.0.0.2/32"),), resolver=Resolver(lookup=lookup))
    door = open_door(guard=guard)
    with Receiver(host="127.0.0.2") as harmless:
        url = f"http://shop.example:{harmless.port}/close-after"
        assert post_through(door, url).status == 200
        second = post_through(door, url)

        assert (second.error, second.address) == (ErrorClass.FORBIDDEN_ADDRESS, None)
        assert harmless.connections == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost"])
def test_nothing_is_sent_to_a_forbidden_address(
    host: str, receiver: Receiver, open_door: OpenDoor
) -> None:
    door = open_door(guard=Guard())

    result = post_through(door, f"http://{host}:{receiver.port}/status/200")

    assert (result.status, result.error) == (None, ErrorClass.FORBIDDEN_ADDRESS)
    assert receiver.connections == 0


def test_a_redirect_to_a_forbidden_address_changes_nothing(open_door: OpenDoor) -> None:
    guard = Guard(allowed_networks=(ip_network("127.0.0.2/32"),))
    door = open_door(guard=guard)
    with Receiver() as private, Receiver(host="127.0.0.2") as allowed:
        url = allowed.url(f"/status/301?location={private.url()}")
        assert post_through(door, url).status == 301
        assert private.connections == 0


def test_a_name_that_does_not_exist_is_a_dns_error(open_door: OpenDoor) -> None:
    door = open_door(guard=Guard())

    result = post_through(door, "http://no-such-host.invalid/hook?token=abc", timeout_s=10.0)

    assert (result.status, result.error, result.address) == (None, ErrorClass.DNS, None)
    assert "no-such-host.invalid" in result.detail
    assert "abc" not in result.detail


def test_a_name_without_an_address_is_a_dns_error(open_door: OpenDoor) -> None:
    door = open_door(guard=Guard(resolver=Resolver(lookup=lambda host, port: [])))

    assert post_through(door, "http://empty.example/").error is ErrorClass.DNS


def test_every_address_is_tried(receiver: Receiver, open_door: OpenDoor) -> None:
    def lookup(host: str, port: int) -> Sequence[Address]:
        return [(socket.AF_INET, (f"127.0.0.{last}", port)) for last in (4, 3, 1)]

    guard = Guard(allowed_networks=LOOPBACK, resolver=Resolver(lookup=lookup))
    result = post_through(open_door(guard=guard), f"http://shop.example:{receiver.port}/status/200")

    assert (result.status, result.address) == (200, f"127.0.0.1:{receiver.port}")
