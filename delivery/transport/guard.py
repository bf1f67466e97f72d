"""No request leaves for an address that is not public."""

import ipaddress
import socket
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from delivery.transport.addresses import embedded_v4, forbidden_kind, parse_literal
from delivery.transport.origin import DEFAULT_PORTS, QUEUE_SCHEMES, Origin, split_url
from delivery.transport.resolver import Address, Resolver

# Services that take an HTTP request for commands: remote shells and mail.
LINE_PROTOCOL_PORTS = frozenset({22, 23, 25, 110, 143, 465, 587, 993, 995})

# RFC 6761, section 6.3: these names mean loopback whatever a name server says.
_LOOPBACK_NAME = "localhost"


class ForbiddenAddress(Exception):
    """The guard refuses. `code` names the rule, the message explains it to people.

    Codes: `url_invalid`, `scheme_forbidden`, `port_forbidden`, `address_forbidden`.
    """

    def __init__(self, message: str, code: str = "address_forbidden") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Guard:
    """The installation's rules about where requests may go.

    `allowed_networks` win over everything that is known about an address; `forbidden_networks`
    adds what an installation wants kept from its users (its own public addresses, its NAT64
    prefix). `allowed_ports` None means every port but the `forbidden_ports`.
    """

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    forbidden_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    allowed_schemes: frozenset[str] = QUEUE_SCHEMES | frozenset(DEFAULT_PORTS)
    allowed_ports: frozenset[int] | None = None
    forbidden_ports: frozenset[int] = LINE_PROTOCOL_PORTS
    resolver: Resolver = field(default_factory=Resolver, repr=False, compare=False)

    def check_address(self, ip: str | IPv4Address | IPv6Address) -> None:
        """Raises ForbiddenAddress for an address that no request may go to.

        An IPv4 address inside an IPv6 one is judged as well, since that is where packets end.
        Raises ValueError for a text that is no address.
        """
        kind = self._refusal(ip)
        if kind is not None:
            raise ForbiddenAddress(f"{ip} is not a public address ({kind})")

    def check_url(self, url: str) -> None:
        """The early check for forms: what can be said without asking a name server.

        Scheme, port, user information, and literal addresses in all their spellings. Raises
        ForbiddenAddress. A URL that passes may still be refused when its name is resolved.
        """
        try:
            _, origin = split_url(url)
        except ValueError as error:
            raise ForbiddenAddress(str(error), "url_invalid") from error
        self.check_place(origin)

    def check_place(self, origin: Origin) -> None:
        """As `check_url`, of a URL of any kind that was taken apart before."""
        try:
            literal = parse_literal(origin.host)
        except ValueError as error:
            raise ForbiddenAddress(str(error), "url_invalid") from error
        self.check_origin(origin)
        if literal is not None:
            self.check_address(literal)
        elif origin.server_name.split(".")[-1] == _LOOPBACK_NAME:
            self.check_address("127.0.0.1")

    def check_origin(self, origin: Origin) -> None:
        """Scheme and port alone. Raises ForbiddenAddress."""
        if origin.scheme not in self.allowed_schemes:
            raise ForbiddenAddress(f"{origin.scheme} is not allowed here", "scheme_forbidden")
        is_listed = self.allowed_ports is None or origin.port in self.allowed_ports
        if not is_listed or origin.port in self.forbidden_ports:
            raise ForbiddenAddress(f"port {origin.port} is not allowed here", "port_forbidden")

    def resolve(self, host: str, port: int, deadline: float) -> list[Address]:
        """The addresses to connect to, every one of them checked, in the resolver's order.

        A name is refused whole if any of its addresses is forbidden: the next connection would
        reach that one. `deadline` is a reading of `time.monotonic`. Raises ForbiddenAddress,
        TimeoutError, and `socket.gaierror` for a name without an address.
        """
        try:
            literal = parse_literal(host)
        except ValueError as error:
            raise ForbiddenAddress(str(error), "url_invalid") from error
        if literal is not None:
            self.check_address(literal)
            family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
            return [(family, (str(literal), port))]
        if deadline <= time.monotonic():
            raise TimeoutError("no time left to resolve the name")
        addresses = list(self.resolver.resolve(host, port, deadline))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        for _family, sockaddr in addresses:
            kind = self._refusal(str(sockaddr[0]))
            if kind is not None:  # without the address: a private name server told it
                raise ForbiddenAddress(f"{host} leads to an address that is not public ({kind})")
        return addresses

    def _refusal(self, ip: str | IPv4Address | IPv6Address) -> str | None:
        """Why no request may go to the address; None if one may."""
        address = ipaddress.ip_address(ip)
        embedded = embedded_v4(address) if isinstance(address, IPv6Address) else None
        ends = (address,) if embedded is None else (address, embedded)
        if any(end in network for end in ends for network in self.allowed_networks):
            return None
        if any(end in network for end in ends for network in self.forbidden_networks):
            return "forbidden by this installation"
        return next(filter(None, map(forbidden_kind, ends)), None)
