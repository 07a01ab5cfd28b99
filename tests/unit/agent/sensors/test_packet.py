"""Headers of packets: who, to whom, by which protocol; what is cut short or only a report is none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.packet import Packet, parse_packet

V4, V6 = 0x0800, 0x86DD
UDP = struct.pack("!4H", 5000, 8082, 12, 0) + b"data"


def v4(proto: int, payload: bytes, fragment: int = 0) -> bytes:
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, proto, 0, b"\xc0\xa8\x7b\x05", b"\xc0\xa8\x7b\xa1"
    )
    return head + payload


def v6(number: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(payload), number, 64) + b"\0" * 15 + b"\1" + b"\0" * 15 + b"\2" + payload


def test_udp_over_both_versions() -> None:
    wanted = ("udp", ("192.168.123.5", 5000), ("192.168.123.161", 8082), 32, 28)
    assert parse_packet(v4(17, UDP), V4) == Packet(*wanted)
    found = parse_packet(v6(17, UDP), V6)
    assert found is not None and found[:3] == ("udp", ("::1", 5000), ("::2", 8082)) and found.length == 52


def test_headers_between_ipv6_and_the_protocol_are_passed() -> None:
    found = parse_packet(v6(0, bytes([17, 0]) + bytes(6) + UDP), V6)
    assert found is not None and found.target == ("::2", 8082)
    first_fragment = bytes([17, 0, 0, 1, 0, 0, 0, 9])
    assert parse_packet(v6(44, first_fragment + UDP), V6) is not None


def test_a_ping_is_known_by_its_identifier_and_a_report_is_none() -> None:
    echo = struct.pack("!BBHHH", 8, 0, 0, 77, 1)
    found = parse_packet(v4(1, echo), V4)
    assert found is not None and found.proto == "icmp" and found.source[1] == found.target[1] == 77
    assert parse_packet(v4(1, bytes([3]) + bytes(20)), V4) is None


@pytest.mark.parametrize("number, name", [(47, "gre"), (132, "sctp"), (50, "esp"), (99, "ip-99")])
def test_other_protocols_have_a_name(number: int, name: str) -> None:
    found = parse_packet(v4(number, UDP), V4)
    assert found is not None and found.proto == name


def test_a_later_fragment_has_no_ports_and_is_none() -> None:
    assert parse_packet(v4(17, UDP, fragment=3), V4) is None


@given(st.binary(max_size=200), st.sampled_from([V4, V6, 0x0806]))
def test_any_bytes_are_a_packet_or_none(data: bytes, ethertype: int) -> None:
    parse_packet(data, ethertype)
