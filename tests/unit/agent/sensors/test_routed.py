"""Flows that the firewall leads on: packets of every shape, and the kernel's answers about them, without a network."""

import socket
import struct
from typing import Any, List, Optional, Tuple

from wachhund_agent.kernel.conntrack import Endpoint, Translated
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.packet_tap import Captured, PacketTap
from wachhund_agent.sensors import routed
from wachhund_agent.sensors.routed import Asks, RoutedSense
from wachhund_agent.sensors.scope import Scopes
from wachhund_evidence import Observation

OUTSIDE, DOOR = ("203.0.113.7", 40000), ("100.100.57.24", 2280)
NANO, PI_LAN = ("192.168.123.13", 80), ("192.168.123.161", 40000)
LED = Translated(OUTSIDE, DOOR, NANO, PI_LAN)
SYN, SYN_ACK, FIN = 0x02, 0x12, 0x11


def packet(source: Endpoint, target: Endpoint, flags: Optional[int] = None) -> Captured:
    """TCP with these flags, or UDP."""
    proto = 17 if flags is None else 6
    body = struct.pack("!HH", source[1], target[1])
    body += b"\x00" * 4 if flags is None else struct.pack("!IIBBHHH", 1, 0, 0x50, flags, 0, 0, 0)
    ends = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, proto, 0) + ends
    return Captured(head + body, 0x0800, "ppp0", False)


class Tap(PacketTap):
    """A packet socket that is fed by hand."""

    def __init__(self) -> None:
        self.packets, self.dropped = [], 0  # type: List[Captured], int

    def read(self, most: int) -> List[Captured]:
        taken, self.packets = self.packets[:most], self.packets[most:]
        return taken

    def close(self) -> None:
        self.packets = []


class Robot:
    """The sense, with a kernel that knows these connections."""

    def __init__(self, *known: Translated, tracks: bool = True) -> None:
        self._known, self.asked, self.refuses = known, 0, False
        self._tap, self._mono = Tap(), 0.0
        scopes = Scopes(lambda: frozenset({DOOR[0], PI_LAN[0]}))
        asks = Asks(self._find, lambda: tracks, lambda: True, lambda: self._tap)
        self.sense = RoutedSense("run", scopes=scopes, asks=asks)

    def _find(self, proto: str, source: Endpoint, target: Endpoint) -> Optional[Translated]:
        self.asked += 1
        if self.refuses:
            raise KernelError("conntrack: EPERM")
        for one in self._known:
            if (source, target) in ((one.source, one.target), (one.reply_source, one.reply_target)):
                return one
        return None

    def look(self, *packets: Captured, after: float = 1.0) -> List[Observation]:
        self._mono += after
        self._tap.packets = list(packets)
        return self.sense.look(self._mono)


def told(observations: List[Observation]) -> List[Tuple[Any, ...]]:
    return [(one.kind, *(one.fields[name] for name in ("source", "target", "addressed"))) for one in observations]


OPENED = ("flow.open", list(OUTSIDE), list(NANO), list(DOOR))
CLOSED = ("flow.close", *OPENED[1:])


def test_a_connection_that_the_firewall_leads_on_names_who_began_it_and_where_it_ends() -> None:
    """Every packet of it has an address of the robot at one end: without the kernel's word it would not be seen."""
    robot = Robot(LED)
    seen = robot.look(packet(OUTSIDE, DOOR, SYN), packet(PI_LAN, NANO, SYN), packet(NANO, PI_LAN, SYN_ACK),
                      packet(DOOR, OUTSIDE, SYN_ACK))  # fmt: skip
    assert told(seen) == [OPENED] and robot.asked == 1
    assert seen[0].fields["source_scope"] == "internet" and seen[0].fields["scope"] == "lan"
    assert told(robot.look(packet(NANO, PI_LAN, FIN), packet(DOOR, OUTSIDE, FIN))) == [CLOSED]
    assert robot.sense.crossings == []


def test_one_that_is_led_on_with_its_sender_is_the_same_on_both_sides() -> None:
    """Without masquerading, what leaves looks like a flow of its own."""
    robot = Robot(LED._replace(reply_target=OUTSIDE))
    assert told(robot.look(packet(OUTSIDE, DOOR, SYN), packet(OUTSIDE, NANO, SYN))) == [OPENED]
    assert told(robot.look(packet(OUTSIDE, NANO, FIN))) == [CLOSED]


def test_datagrams_are_asked_about_once_and_end_with_silence() -> None:
    """A stream may have thousands of packets a second; the kernel is not asked about each."""
    robot = Robot(LED)
    both = [packet(OUTSIDE, DOOR), packet(PI_LAN, NANO), packet(NANO, PI_LAN), packet(DOOR, OUTSIDE)]
    assert told(robot.look(*both * 50)) == [OPENED]
    assert robot.asked == 1
    assert robot.look(packet(NANO, PI_LAN), after=routed.UDP_IDLE_S - 1) == []
    assert told(robot.look(after=routed.UDP_IDLE_S)) == [CLOSED]


def test_an_answer_alone_names_the_one_who_asked() -> None:
    """Where the sense begins in the middle, the first datagram may be the inner computer's."""
    assert told(Robot(LED).look(packet(NANO, PI_LAN))) == [OPENED]


def test_what_ends_on_the_robot_is_none_of_this_senses() -> None:
    """Its own services are flows of programs; a redirection to one is too. Streams to it are asked about once."""
    here = ("192.168.123.161", 8082)
    robot = Robot(Translated(OUTSIDE, DOOR, (DOOR[0], 22), OUTSIDE))
    assert robot.look(*[packet(OUTSIDE, here), packet(here, OUTSIDE)] * 20) == []
    assert robot.asked == 1
    assert robot.look(packet(OUTSIDE, DOOR, SYN)) == []


def test_where_nothing_is_tracked_nothing_is_asked() -> None:
    """The question would load a module into the robot's kernel."""
    robot = Robot(LED, tracks=False)
    assert robot.look(packet(OUTSIDE, DOOR, SYN)) == [] and robot.asked == 0
    assert told(robot.look(packet(OUTSIDE, NANO, SYN))) == [(*OPENED[:3], None)]


def test_a_refusal_is_stated_and_what_crosses_openly_still_told() -> None:
    """Blind must not look like quiet; and a kernel without the module would start a program at each question."""
    robot = Robot(LED)
    robot.refuses = True
    seen = robot.look(packet(OUTSIDE, DOOR, SYN), packet(OUTSIDE, NANO, SYN))
    assert told(seen) == [(*OPENED[:3], None)] and robot.asked == 1
    robot.refuses = False
    assert robot.look(packet(OUTSIDE, DOOR, SYN)) == [] and robot.asked == 1
    assert "CAP_NET_ADMIN" in str(robot.sense.coverage().why)
    assert told(robot.look(packet((OUTSIDE[0], 40001), NANO, SYN), after=routed.ASK_AGAIN_S))
    assert robot.asked == 2 and robot.sense.coverage().why is None


def test_a_scan_costs_a_bounded_number_of_questions_and_is_counted() -> None:
    """Whoever knocks on every port must not keep the agent busy."""
    robot = Robot(LED)
    robot.look(*[packet(OUTSIDE, (DOOR[0], port), SYN) for port in range(1, routed.ASKED_A_LOOK + 11)])
    assert robot.asked == routed.ASKED_A_LOOK and robot.sense.coverage().dropped == 10
    assert told(robot.look(packet(OUTSIDE, DOOR, SYN))) == [OPENED], "the next look asks again"
