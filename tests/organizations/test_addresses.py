from typing import Any

import pytest
from django.test import RequestFactory

from organizations.addresses import caller_site, client_address


def request(remote: str, forwarded: str | None = None) -> Any:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers)


def test_a_forwarded_address_is_a_mere_claim_without_a_trusted_proxy() -> None:
    assert client_address(request("192.0.2.1", "203.0.113.9")) == "192.0.2.1"


def test_behind_a_trusted_proxy_the_address_that_it_appended_counts(settings: Any) -> None:
    settings.TRUST_PROXY = True
    assert client_address(request("10.0.0.1", "6.6.6.6, 203.0.113.9")) == "203.0.113.9"
    assert client_address(request("10.0.0.1")) == "10.0.0.1"
    assert client_address(request("10.0.0.1", "no address")) is None


@pytest.mark.parametrize(
    ("remote", "address", "site"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("", None, "unknown"),
    ],
)
def test_ipv6_callers_are_told_apart_by_their_network(
    remote: str, address: str | None, site: str
) -> None:
    assert client_address(request(remote)) == address
    assert caller_site(request(remote)) == site
