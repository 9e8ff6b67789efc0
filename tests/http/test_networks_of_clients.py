"""Whose requests are counted together, and whose word is taken for it."""

from ipaddress import ip_network

import pytest

from votes.config import Config
from votes.http.proxies import Network, client_network, network_of

PROXIES = frozenset([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", Network("203.0.113.77")),
        ("2001:db8:1:2::3", Network("2001:db8:1:2::/64")),
        ("2001:db8:1:2:ffff::3", Network("2001:db8:1:2::/64")),
        ("2001:db8:1:3::3", Network("2001:db8:1:3::/64")),
        ("fe80::1%eth0", Network("fe80::/64")),
        ("127.0.0.1", Network("127.0.0.1", here=True)),
        ("127.9.9.9", Network("127.9.9.9", here=True)),
        ("::1", Network("::/64", here=True)),
        ("::ffff:203.0.113.77", Network("203.0.113.77")),
        ("::ffff:127.0.0.1", Network("127.0.0.1", here=True)),
        ("", Network("?")),
        ("unknown", Network("?")),
    ],
)
def test_addresses_of_one_network_count_together(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.1", [], "203.0.113.1"),
        ("203.0.113.1", ["198.51.100.1"], "203.0.113.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::/64"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1", "fd00::2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, nonsense"], "?"),
        ("10.0.0.1", ["x" * 9_000], "?"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_for_whom_they_ask(peer, forwarded, network):
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    scope = {"client": (peer, 1), "headers": headers}
    assert client_network(scope, Config(trusted_proxies=PROXIES)).name == network
    assert client_network(scope, Config()).name == network_of(peer).name
