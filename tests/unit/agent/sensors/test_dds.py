"""Participants of DDS: their announcements, read and followed. Real ones speak in tests/system/sensing/test_ros.py."""

import os
import socket
import struct
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.robots import rtps as spoken
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.packet_tap import Captured, PacketTap, rtps_announcements
from wachhund_agent.sensors import dds
from wachhund_agent.sensors.dds import DdsSense
from wachhund_agent.sensors.rtps import Announcement, domain_of, parse_announcement
from wachhund_agent.sensors.scope import Scopes
from wachhund_evidence import Observation

HERE, AWAY = "192.0.2.1", "198.51.100.7"
NAME = spoken.PREFIX.hex()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("closed", [True, False])
def test_an_announcement_says_who_and_for_how_long(order: str, closed: bool) -> None:
    said = spoken.message(spoken.timestamp(), spoken.data(order=order, lease=10.5, closed=closed))
    assert parse_announcement(said) == Announcement(NAME, "Eclipse Cyclone DDS", False, 10.5)


def test_a_good_bye_is_one_and_an_unknown_vendor_keeps_its_number() -> None:
    said = spoken.message(spoken.data(leaves=True, lease=None), vendor=0x7777)
    assert parse_announcement(said) == Announcement(NAME, "vendor 0x7777", True, None)


def test_what_is_passed_on_for_somebody_else_is_that_ones() -> None:
    other = bytes(12)
    said = spoken.message(spoken.source(other, spoken.FAST), spoken.data())
    assert parse_announcement(said) == Announcement(other.hex(), "eProsima Fast DDS", False, 10.0)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"RTPS",
        b"SPTR" + spoken.message(spoken.data())[4:],
        spoken.message(),
        spoken.message(spoken.timestamp() * 40, spoken.data()),
        spoken.message(spoken.data(writer=b"\x00\x00\x01\x02")),
        spoken.message(spoken.data(writer=b"\x00\x00\x01\x02", closed=False)),
        spoken.message(spoken.data())[:60],
    ],
)
def test_what_is_none_says_nothing(said: bytes) -> None:
    assert parse_announcement(said) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    for said in (data, spoken.message(data), spoken.message(struct.pack("<BBH", 0x15, 7, len(data)) + data)):
        parse_announcement(said)


def test_domains_are_known_by_their_ports() -> None:
    assert [domain_of(port) for port in (7400, 7650, 7410, 53, 65400)] == [0, 1, None, None, 232]


class Air:
    """A packet socket that hears what the test says: a test of what is made of it, not of the socket."""

    dropped = 0

    def __init__(self) -> None:
        self.said: List[Captured] = []

    def read(self, most: int) -> List[Captured]:
        heard, self.said = self.said[:most], self.said[most:]
        return heard

    def close(self) -> None:
        self.said = []


class Robot:
    def __init__(self) -> None:
        self.air = Air()
        self.sense = DdsSense(Scopes(lambda: frozenset({HERE})), lambda: self.air)  # type: ignore[arg-type,return-value]
        self.now = 100.0
        self.sense.start(self.now)

    def hears(self, *said: Tuple[str, bytes], port: int = 7400, seconds: float = 5.0) -> List[Observation]:
        for address, message in said:
            self.air.said.append(Captured(packet(address, port, message), 0x0800, "eth0", False))
        self.now += seconds
        return self.sense.look(self.now)


def packet(address: str, port: int, payload: bytes, group: str = "239.255.0.1") -> bytes:
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 1, 17, 0)
    ends = socket.inet_aton(address) + socket.inet_aton(group)
    return ip + ends + struct.pack("!HHHH", 40000, port, 8 + len(payload), 0) + payload


def kinds(told: List[Observation]) -> List[Tuple[str, object]]:
    return [(one.kind, one.fields.get("value")) for one in told]


def test_a_participant_of_the_robots_own_is_told_once_and_when_its_lease_is_over() -> None:
    robot, said = Robot(), spoken.message(spoken.data(lease=20.0))
    (told,) = robot.hears((HERE, said), port=7650)
    assert told.fields["here"] is True and told.fields["domain"] == 1 and told.fields["what"] == NAME
    assert robot.hears((HERE, said), port=7650) == []
    assert robot.hears(seconds=19.0) == []
    assert kinds(robot.hears(seconds=2.0)) == [("config.state", False)]


def test_one_of_another_machine_is_control_and_its_good_bye_is_told() -> None:
    robot = Robot()
    told = robot.hears((AWAY, spoken.message(spoken.data())))
    assert kinds(told) == [("config.state", True), ("control", None)]
    assert told[1].fields["client"] == [AWAY, 40000] and told[1].fields["surface"] == "ros"
    bye = (AWAY, spoken.message(spoken.data(leaves=True)))
    assert kinds(robot.hears(bye)) == [("config.state", False)] and robot.hears(bye) == []


def test_further_addresses_of_a_machine_are_no_further_participants() -> None:
    robot, said = Robot(), spoken.message(spoken.data())
    assert len(robot.hears((HERE, said), ("127.0.0.1", said))) == 1
    assert kinds(robot.hears((AWAY, said))) == [("config.state", True), ("control", None)], "but a stranger is one"


def test_participants_that_somebody_makes_up_are_counted() -> None:
    """A name costs the sender one packet: neither memory nor evidence may grow with them."""
    robot = Robot()
    made_up = [(AWAY, spoken.message(spoken.data(), prefix=os.urandom(12))) for _ in range(dds.NEW_A_LOOK + 5)]
    assert len([one for one in robot.hears(*made_up) if one.kind == "control"]) == dds.NEW_A_LOOK
    assert robot.sense.coverage().dropped == 5


def test_nothing_for_ever_is_believed_of_a_lease() -> None:
    robot = Robot()
    robot.hears((AWAY, spoken.message(spoken.data(lease=2.0**30))))
    assert kinds(robot.hears(seconds=dds.LONGEST_LEASE_S + 1)) == [("config.state", False)]


def test_without_a_packet_socket_it_is_blind_and_tries_again() -> None:
    def refuses() -> PacketTap:
        raise KernelError("packet socket: not permitted")

    sense = DdsSense(Scopes(lambda: frozenset()), refuses)
    sense.start(1.0)
    assert sense.look(6.0) == []
    assert sense.coverage().state == "blind" and "CAP_NET_RAW" in str(sense.coverage().why)


@pytest.mark.needs_root("a packet socket")
def test_the_kernels_filter_keeps_announcements_and_nothing_else() -> None:
    said = spoken.message(spoken.data())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaker:
        tap = PacketTap(rtps_announcements(dds.SNAP_BYTES), dds.SNAP_BYTES)
        speaker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        for group, port, payload in (
            ("239.255.0.1", 7650, b"RTPX" + said[4:]),
            ("239.255.0.1", 7411, said),
            ("127.0.0.1", 7400, said),
            ("239.255.0.1", 7400, said),
            ("239.255.0.1", 7650, said),
        ):
            speaker.sendto(payload, (group, port))
        heard = [one.data for one in tap.read(100) if one.interface == "lo"]
        tap.close()
    assert [(struct.unpack_from("!H", one, 22)[0], one[28:]) for one in heard] == [(7400, said), (7650, said)]
