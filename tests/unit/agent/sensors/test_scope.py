"""Where an address lies: the difference between a neighbour and the world."""

import pytest

from wachhund_agent.kernel.addresses import parse_fib_trie
from wachhund_agent.kernel.interface_files import parse_if_inet6
from wachhund_agent.kernel.rtnetlink import AddressRecord
from wachhund_agent.sensors.scope import Scopes


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("192.168.123.161", "robot"),
        ("192.168.123.13", "lan"),
        ("10.1.2.3", "lan"),
        ("172.31.0.1", "lan"),
        ("172.32.0.1", "internet"),
        ("169.254.1.1", "lan"),
        ("100.100.57.3", "lan"),
        ("fe80::1", "lan"),
        ("fd00::1", "lan"),
        ("203.0.113.7", "internet"),
        ("2001:db8::7", "internet"),
        ("8.8.8.8", "internet"),
    ],
)
def test_an_address_has_one_scope(address: str, scope: str) -> None:
    scopes = Scopes(lambda: frozenset({"127.0.0.1", "192.168.123.161"}))
    scopes.refresh(0.0)
    assert scopes.of(address) == scope


def test_own_addresses_are_read_again_but_not_at_every_look() -> None:
    reads = []
    scopes = Scopes(lambda: frozenset({"10.0.0.1"}) if reads.append(1) else frozenset({"10.0.0.2"}))
    for mono in (0.0, 1.0, 4.9, 5.0, 5.1):
        scopes.refresh(mono)
    assert len(reads) == 2 and scopes.of("10.0.0.2") == "robot"


def test_a_listener_on_all_interfaces_is_open_to_any() -> None:
    scopes = Scopes(frozenset)
    assert [scopes.of_listener(address) for address in ("0.0.0.0", "::", "127.0.0.1", "192.168.12.1")] == [
        "any",
        "any",
        "loopback",
        "lan",
    ]


def test_own_addresses_come_from_the_routing_table() -> None:
    trie = b"  +-- 192.168.123.0/24 2 0 2\n     |-- 192.168.123.0\n        /24 link UNICAST\n"
    trie += b"     |-- 192.168.123.161\n        /32 host LOCAL\n     |-- 192.168.123.255\n        /32 link BROADCAST\n"
    assert parse_fib_trie(trie) == {"192.168.123.161"}
    listed = b"fe800000000000000000000000000001 02 40 20 80 eth0\nnonsense\n"
    assert parse_if_inet6(listed) == [AddressRecord(2, "fe80::1/64", False)]
