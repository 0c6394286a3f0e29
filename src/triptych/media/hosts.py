"""Which host a URL may lead to, and which addresses that host may have: only those it is listed with (media U2, U3)."""

import ipaddress
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import SplitResult, urlsplit

from triptych.errors import Invalid
from triptych.model import Inputs

REFUSED = "inputUri host is not allowed"
"""The one refusal, whatever the cause, so that it tells nothing about the network."""

USUAL_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one request goes to: `path` holds the query too; `private` says that any address will do."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    private: bool


def check_url(url: str, inputs: Inputs) -> Target:
    """Return where `url` leads. Raises `Invalid` unless its host and port are listed and it names no user."""
    target = read_url(url, inputs)
    if target.host not in inputs.hosts:
        raise refusal()
    return target


def read_url(url: str, inputs: Inputs) -> Target:
    """Return where `url` leads, whatever its host. Raises `Invalid` unless it is by http(s), its port is listed and it names no user."""
    try:
        parts = urlsplit(url)
        host, port = _host(parts), parts.port or USUAL_PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise refusal() from None
    if "@" in parts.netloc or port not in {*USUAL_PORTS.values(), *inputs.ports}:
        raise refusal()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    scheme = cast("Literal['http', 'https']", parts.scheme)
    return Target(scheme=scheme, host=host, port=port, path=path, private=host in inputs.private_hosts)


def check_address(address: str) -> None:
    """Raise `Invalid` for an address that is not of the public internet, however it is spelled."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        raise refusal() from None
    if not all(_is_public(each) for each in (found, *_within(found))):
        raise refusal()


def check_not_metadata(address: str) -> None:
    """Raise `Invalid` for an address of one link alone, or at which a cloud tells its guests about themselves (camera S7)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        raise refusal() from None
    if any(each.is_link_local or any(each in network for network in _METADATA) for each in (found, *_within(found))):
        raise refusal()


def refusal() -> Invalid:
    """Return the refusal of a host."""
    return Invalid(REFUSED, field="inputUri")


def _host(parts: SplitResult) -> str:
    """Return the host in lower case as the name service knows it. Raises `ValueError` for none."""
    host = (parts.hostname or "").removesuffix(".")
    if not host:
        raise ValueError(parts)
    return host if host.isascii() else host.encode("idna").decode()


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in _CARRIES_IPV4):
        return True
    return address.is_global and not address.is_multicast and not any(address in network for network in _NOT_THE_INTERNET)


def _within(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    teredo = address.teredo or ()
    lowest = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    carried = [lowest] if any(address in network for network in _CARRIES_IPV4) else []
    return [*carried, *teredo, *([address.sixtofour] if address.sixtofour else [])]


_CARRIES_IPV4 = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96")))
"""IPv4-mapped addresses and the well-known prefix of NAT64: as public as the IPv4 address in them."""

_NOT_THE_INTERNET = tuple(
    map(
        ipaddress.ip_network,
        (
            "100.64.0.0/10",
            "168.63.129.16/32",
            "192.0.0.0/24",
            "198.18.0.0/15",
            "::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "fec0::/10",
        ),
    )
)
"""What `ipaddress` takes for global in some release, and the address at which one cloud answers its guests."""

_METADATA = tuple(map(ipaddress.ip_network, ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128")))
"""Where clouds answer their guests beside the link-local 169.254.169.254."""
