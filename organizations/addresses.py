"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

IPV6_SITE_BITS = 64  # what one customer of a provider has at least


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address, or None when there is none that makes sense (a Unix socket).

    Only with ENS_TRUST_PROXY the last entry of X-Forwarded-For counts: the proxy in front of us
    has appended it, the entries before it are the caller's own claims.
    """
    text = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if settings.TRUST_PROXY and forwarded:
        text = forwarded.rsplit(",", 1)[-1]
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address)))
    return str(address)


def caller_site(request: HttpRequest) -> str:
    """What limits per address count by: an IPv4 address, or the /64 of an IPv6 address."""
    address = client_address(request)
    if address is None:
        return "unknown"
    if ":" in address:
        return str(ipaddress.ip_network(f"{address}/{IPV6_SITE_BITS}", strict=False))
    return address
