"""Stations in the words of nl80211, written after <linux/nl80211.h> here; this machine has no radio to ask."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel import nl80211
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.nl80211 import Family, StationRecord, parse_access_points, parse_family, parse_station

PHONE = bytes.fromhex("0200000c5a01")


def attribute(kind: int, value: bytes) -> bytes:
    made = struct.pack("=HH", 4 + len(value), kind) + value
    return made + bytes(-len(made) % 4)


def message(command: int, *attributes: bytes) -> bytes:
    """A generic netlink message: command, version, two unused bytes, attributes."""
    return struct.pack("=BBH", command, 1, 0) + b"".join(attributes)


def station(command: int = 19, ifindex: int = 4, hardware: bytes = PHONE) -> bytes:
    return message(command, attribute(3, struct.pack("=I", ifindex)), attribute(6, hardware), attribute(46, bytes(4)))


def family(name: bytes = b"nl80211\x00", group: bytes = b"mlme\x00") -> bytes:
    groups = [
        attribute(number, attribute(1, label) + attribute(2, struct.pack("=I", 20 + number)))
        for number, label in enumerate((b"config\x00", b"scan\x00", group), start=1)
    ]
    return message(1, attribute(1, struct.pack("=H", 33)), attribute(2, name), attribute(7, b"".join(groups)))


def test_the_family_and_its_group_are_found_by_name() -> None:
    """Their numbers are given out anew at each boot."""
    assert parse_family(family()) == Family(33, 23)
    assert parse_family(family(name=b"nl80212\x00")) is None
    assert parse_family(family(group=b"other\x00")) is None


def test_a_station_comes_and_goes() -> None:
    assert parse_station(station()) == StationRecord(4, "02:00:00:0c:5a:01", False)
    assert parse_station(station(20)) == StationRecord(4, "02:00:00:0c:5a:01", True)


@pytest.mark.parametrize("body", [b"", station(18), station(hardware=b"short"), message(19, attribute(6, PHONE))])
def test_what_is_no_station_is_passed_over(body: bytes) -> None:
    assert parse_station(body) is None


def test_only_access_points_are_listed() -> None:
    """As a client of somebody's network the robot would take that one's router for a visitor."""
    bodies = [
        message(7, attribute(3, struct.pack("=I", index)), attribute(4, name), attribute(5, struct.pack("=I", kind)))
        for index, name, kind in ((4, b"wlan1\x00", 3), (5, b"wlan0\x00", 2), (6, b"p2p\xff\x00", 9))
    ]
    assert parse_access_points([*bodies, message(8), b""]) == {4: "wlan1", 6: "p2p\\xff"}


def test_a_machine_without_a_wireless_stack_is_said_to_be_one() -> None:
    """Where there is one this answers with its numbers; here it says why not."""
    try:
        assert nl80211.family().number > 0x10
    except KernelError as error:
        assert "nl80211" in str(error)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    for body in (data, b"\x13\x01\x00\x00" + data, b"\x07\x01\x00\x00" + data):
        parse_family(body)
        parse_station(body)
        parse_access_points([body])
