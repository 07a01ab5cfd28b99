"""rtnetlink: what this machine really has, and any bytes."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel import netfilter, netlink, rtnetlink, wireguard


def test_this_machines_links_and_addresses_are_listed() -> None:
    names = {name for _, name in socket.if_nameindex()}
    assert {link.name for link in rtnetlink.links()} == names
    assert isinstance(rtnetlink.addresses(), list) and isinstance(rtnetlink.default_routes(), list)


@given(st.binary(max_size=300), st.sampled_from([16, 17, 20, 21, 24, 25, 80, 0]))
def test_any_bytes_are_messages_or_none(data: bytes, kind: int) -> None:
    rtnetlink.parse(kind, data)
    for number, _, body in netlink.messages(data):
        rtnetlink.parse(number, body)
    netfilter.is_nat_chain(data)
    netfilter.is_nat_rule(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_wireguard_peers_or_none(data: bytes) -> None:
    wireguard.parse_endpoint(data)
    wireguard.parse_family(data)
    wireguard.parse_peers([data])


def test_a_peers_endpoint_is_an_address_and_a_port() -> None:
    raw = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 51820) + socket.inet_aton("203.0.113.7") + bytes(8)
    assert wireguard.parse_endpoint(raw) == ("203.0.113.7", 51820)
