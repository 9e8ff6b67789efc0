"""What a trusted proxy says of the request that it passes on.

`granian.utils.proxies` does less: it takes an address with a port for another client at each
connection, and does not hear the scheme from a proxy that names no address.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from msgspec import Struct

from votes.config import Config
from votes.config import Network as Range

IPV6_NETWORK_BITS = 64
FORWARDED_BYTES_MAX = 512
"""Of what proxies say, its end is looked at, where the nearest stand: it is remembered."""
ADDRESSES_REMEMBERED = 4_096

_FORWARDED_FOR = b"x-forwarded-for"
_HEADERS = "votes.headers"
"""Where a request's scope has its headers by name."""


class Network(Struct, frozen=True):
    """Whose requests are counted together where nobody knows who asks: an IPv4 address or an IPv6
    /64. It is a sign, and never who somebody is: offices and mobile networks share one.

    `here`: this very machine, where a proxy may stand that nobody told us to trust.
    """

    name: str
    here: bool = False


def header_of(scope: Any, name: bytes) -> str | None:
    """A header of a request, the first of those with the name; `name` in lower case."""
    headers = scope.get(_HEADERS)
    if headers is None:
        headers = scope[_HEADERS] = dict(reversed(scope["headers"]))
    value = headers.get(name)
    return None if value is None else str(value, "latin-1")


def without_header(scope: Any, name: bytes) -> Any:
    """The scope of the same request without the header; `name` in lower case."""
    if header_of(scope, name) is None:
        return scope
    headers = [header for header in scope["headers"] if header[0] != name]
    return {key: value for key, value in scope.items() if key != _HEADERS} | {"headers": headers}


def _bare(hop: str) -> str:
    """An address without the port that some proxies add to it."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


@lru_cache(ADDRESSES_REMEMBERED)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, as IPv4 where it is one that IPv6 carries; None for what is none."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@lru_cache(ADDRESSES_REMEMBERED)
def _trusted(address: str, proxies: frozenset[Range]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in proxies)


@lru_cache(ADDRESSES_REMEMBERED)
def network_of(address: str) -> Network:
    """The network of an address; all that are no addresses are one."""
    parsed = _parsed(address)
    if parsed is None:
        return Network("?")
    if parsed.version == 4:
        return Network(str(parsed), parsed.is_loopback)
    name = ip_network(f"{parsed}/{IPV6_NETWORK_BITS}", strict=False)
    return Network(str(name), parsed.is_loopback)


def _peer(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def peer_is_here(scope: Mapping[str, Any]) -> bool:
    """Whether the sender of a request is on this very machine; a proxy may be the sender."""
    return network_of(_peer(scope)).here


def scheme(scope: Any, config: Config) -> str:
    """`http` or `https`, as the browser sees it."""
    seen = str(scope["scheme"])
    if not config.trusted_proxies or not _trusted(_peer(scope), config.trusted_proxies):
        return seen
    return (header_of(scope, b"x-forwarded-proto") or seen).split(",")[0].strip()


def client_network(scope: Mapping[str, Any], config: Config) -> Network:
    """That of the nearest address that is no trusted proxy: what lies beyond may be made up."""
    if not config.trusted_proxies:
        return network_of(_peer(scope))
    lines = [value for key, value in scope["headers"] if key == _FORWARDED_FOR]
    forwarded = b",".join(lines)[-FORWARDED_BYTES_MAX:]
    return _nearest(_peer(scope), forwarded, config.trusted_proxies)


@lru_cache(ADDRESSES_REMEMBERED)
def _nearest(address: str, forwarded: bytes, proxies: frozenset[Range]) -> Network:
    hops = [_bare(hop.strip()) for hop in forwarded.decode("latin-1").split(",")]
    while hops and _trusted(address, proxies):
        address = hops.pop() or address
    return network_of(address)
