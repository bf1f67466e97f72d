"""Which IP addresses are public, and the many ways to write one.

`ipaddress.is_global` of Python 3.11 is wrong for NAT64, 6to4, multicast and site-local addresses,
so the list is our own, after IANA's special-purpose registries:
https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_FORBIDDEN_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud platform"),  # Azure's host agent, on a public address
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)

_GLOBAL_UNICAST = IPv6Network("2000::/3")

# Outside of global unicast nothing is public; these only name what it is.
_FORBIDDEN_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("2001::/32", "Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2001::/23", "reserved"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "unique-local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_ISATAP_IDS = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214, section 6.1

_NUMBER = r"(?:0[xX][0-9a-fA-F]*|[0-9]+)"
_ENDS_IN_NUMBER = re.compile(rf"(?:.*\.)?{_NUMBER}")


def embedded_v4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a packet to this one would end at; None if it is not of such a kind.

    Mapped, NAT64, 6to4 and ISATAP addresses.
    """
    number = int(address)
    if address in _MAPPED or address in _NAT64 or (number >> 32) & 0xFFFFFFFF in _ISATAP_IDS:
        return IPv4Address(number & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((number >> 80) & 0xFFFFFFFF)
    return None


def forbidden_kind(address: IPv4Address | IPv6Address) -> str | None:
    """What makes the address itself not public, in a word or two; None for a public one.

    An IPv4 address inside a mapped or NAT64 one is not looked at: see `embedded_v4`.
    """
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _FORBIDDEN_V4 if address in network), None)
    if address in _MAPPED or address in _NAT64:
        return None
    for network, kind in _FORBIDDEN_V6:
        if address in network:
            return kind
    return None if address in _GLOBAL_UNICAST else "reserved"


def parse_literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a URL's host spells, in any of the spellings that resolvers accept.

    Decimal, octal, hexadecimal and shortened IPv4, IPv6 without brackets. None for a name.
    Raises ValueError for what ends like an IPv4 address and is none: no name ends in a number.
    """
    if ":" in host:
        return ipaddress.IPv6Address(host)
    bare = host.rstrip(".")
    if not _ENDS_IN_NUMBER.fullmatch(bare):
        return None
    try:
        return IPv4Address(socket.inet_aton(bare))  # the platform's own reading, as getaddrinfo's
    except OSError:
        raise ValueError("the host looks like an IPv4 address and is none") from None
