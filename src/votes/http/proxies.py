"""What a trusted proxy says of the request that it passes on.

`granian.utils.proxies` does less: it takes an address with a port for another client at each
connection, and does not hear the scheme from a proxy that names no address.
"""

from collections.abc import Mapping
from typing import Any

from votes.config import Config
from votes.live.hub import parse_address

_FORWARDED_FOR = b"x-forwarded-for"


def header_of(scope: Mapping[str, Any], name: bytes) -> str | None:
    """A header of a request; `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _bare(hop: str) -> str:
    """An address without the port that some proxies add to it."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _trusted(address: str, config: Config) -> bool:
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in config.trusted_proxies)


def _peer(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def scheme(scope: Mapping[str, Any], config: Config) -> str:
    """`http` or `https`, as the browser sees it."""
    seen = str(scope["scheme"])
    if not config.trusted_proxies or not _trusted(_peer(scope), config):
        return seen
    return (header_of(scope, b"x-forwarded-proto") or seen).split(",")[0].strip()


def client_address(scope: Mapping[str, Any], config: Config) -> str:
    """The nearest address that is no trusted proxy: what lies beyond it may be made up."""
    lines = [str(value, "latin-1") for key, value in scope["headers"] if key == _FORWARDED_FOR]
    hops = [_bare(hop.strip()) for hop in ",".join(lines).split(",")]
    address = _peer(scope)
    while hops and config.trusted_proxies and _trusted(address, config):
        address = hops.pop() or address
    return address
