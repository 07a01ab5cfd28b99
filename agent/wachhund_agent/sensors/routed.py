"""Routed flows: what crosses this robot without ending here, such as the lab's way to a Nano, or a Nano's way out.

Source: a packet socket that keeps the beginnings and ends of TCP connections, and UDP, while forwarding is on; nothing
is opened while it is off. Where a rule of the firewall leads a connection on (NAT), its packets name the robot as their
target, and those that leave name it as their sender; so where the kernel tracks connections, it is asked once for each
new one where it leads.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from wachhund_agent.kernel import conntrack
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.interface_files import read_number
from wachhund_agent.kernel.packet_tap import PacketTap, tcp_edges_and_datagrams
from wachhund_agent.sensors.datagram import is_group
from wachhund_agent.sensors.flow import Endpoint
from wachhund_agent.sensors.packet import Packet, parse_packet
from wachhund_agent.sensors.scope import Scopes
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

SNAP_BYTES = 128
PACKETS_A_LOOK = 4096
FLOWS_KEPT = 4096
NEW_A_LOOK = 50  # told one by one; a scan through the robot is counted beyond it
ASKED_A_LOOK = 200  # questions where a connection leads: 6 ms on x86_64, several times that on a Pi
ASK_AGAIN_S = 60.0  # after a refusal: a kernel that lacks the module looks for it at each question
UDP_IDLE_S = 30.0
TCP_IDLE_S = 3600.0  # only its edges are heard, so silence says little
_FIN_OR_RST, _ACK = 0x05, 0x10
_FORWARDING = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")

_ELSEWHERE = ("lan", "internet")

_Key = Tuple[str, Endpoint, Endpoint]


class Crossing(NamedTuple):
    """A flow that crosses this robot now, from who began it."""

    flow: str
    proto: str
    source: Endpoint
    target: Endpoint
    opened: float


def _forwards() -> bool:
    return any(read_number(path) == 1 for path in _FORWARDING)


def _tap() -> PacketTap:
    return PacketTap(tcp_edges_and_datagrams(SNAP_BYTES), SNAP_BYTES)


class Asks(NamedTuple):
    """What the kernel is asked. `find`: the connection that a packet belongs to, as it tracks it, or None.

    `is_tracking`, `forwards`: whether it does such a thing at all. `tap`: opens the packet socket. `find` and `tap`
    raise KernelError.
    """

    find: Callable[[str, Endpoint, Endpoint], Optional[conntrack.Translated]]
    is_tracking: Callable[[], bool] = conntrack.is_tracking
    forwards: Callable[[], bool] = _forwards
    tap: Callable[[], PacketTap] = _tap


class _Crossing:
    """What is known of one flow through the robot so far."""

    __slots__ = ("addressed", "flow", "last", "opened", "other_names", "packets")

    def __init__(self, flow: str, mono: float, addressed: Optional[Endpoint], other_names: List[_Key]) -> None:
        self.flow, self.addressed, self.other_names = flow, addressed, other_names
        self.opened = self.last = mono
        self.packets = 0


class RoutedSense(Sense):
    """Kinds: `flow.open`, `flow.close` with direction "through", `source` and `target`.

    `name_of`: of an address.
    """

    name = "routed"
    interval_s = 1.0

    def __init__(
        self,
        run: str,
        name_of: Callable[[str], Optional[str]] = lambda address: None,
        scopes: Optional[Scopes] = None,
        asks: Optional[Asks] = None,
    ) -> None:
        self._run, self._name_of, self._scopes = run, name_of, scopes or Scopes()
        self._table = conntrack.Conntrack()
        self._asks = asks or Asks(self._table.find)
        self._tap: Optional[PacketTap] = None
        self._why: Optional[str] = None
        self._nat_why: Optional[str] = None
        self._open: Dict[_Key, _Crossing] = {}
        self._names: Dict[_Key, _Key] = {}  # of flows that are led on: what else their packets are called
        self._ending_here: Set[_Key] = set()  # of UDP: what the kernel said not to lead on
        self._forget_at = self._ask_again = 0.0
        self._may_ask: Optional[int] = None
        self._number = self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        self._follow_forwarding()
        if self._tap is None:
            return []
        self._scopes.refresh(mono)
        self._may_ask = None
        if mono >= self._ask_again:
            self._nat_why = None
            self._may_ask = ASKED_A_LOOK if self._asks.is_tracking() else None
        if mono >= self._forget_at:
            self._ending_here.clear()
            self._forget_at = mono + UDP_IDLE_S
        found: List[Observation] = []
        told = 0
        for captured in self._tap.read(PACKETS_A_LOOK):
            packet = parse_packet(captured.data, captured.ethertype)
            if packet is None or is_group(packet.target[0]):
                continue
            flags = captured.data[packet.payload + 13 : packet.payload + 14] if packet.proto == "tcp" else b""
            changes = self._take(packet, flags[0] if flags else 0, told < NEW_A_LOOK, mono)
            told += sum(change.kind == "flow.open" for change in changes)
            found += changes
        for key, crossing in list(self._open.items()):
            if mono - crossing.last >= (TCP_IDLE_S if key[0] == "tcp" else UDP_IDLE_S):
                self._forget(key)
                found.append(self._observation("flow.close", key, crossing, crossing.last))
        return found

    @property
    def crossings(self) -> List[Crossing]:
        """What crosses now. Of TCP both edges are heard; UDP is taken for ended after 30 s of silence."""
        return [Crossing(one.flow, *key, one.opened) for key, one in self._open.items()]

    def coverage(self) -> Coverage:
        if self._tap is None:
            return Coverage("packet", "blind" if self._why else "event", self.interval_s, self._dropped,
                            self._why or "forwarding is off: nothing can cross")  # fmt: skip
        return Coverage("packet", "event", self.interval_s, self._dropped + self._tap.dropped, self._nat_why)

    def close(self) -> None:
        self._table.close()
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _follow_forwarding(self) -> None:
        on = self._asks.forwards()
        if on and self._tap is None:
            try:
                self._tap, self._why = self._asks.tap(), None
            except KernelError as error:
                self._why = "{}: what crosses this machine is not seen; it needs CAP_NET_RAW".format(error)
        elif not on:
            self._why = None
            self.close()

    def _take(self, packet: Packet, flags: int, may_tell: bool, mono: float) -> List[Observation]:
        key = (packet.proto, packet.source, packet.target)
        back = (packet.proto, packet.target, packet.source)
        for name in (key, back):
            name = self._names.get(name, name)
            if name in self._open:
                return self._goes_on(name, bool(flags & _FIN_OR_RST), mono)
        if flags & (_FIN_OR_RST | _ACK) or key in self._ending_here:
            return []  # its beginning was before us, or it is an answer to what ends here
        was_asked, asked = self._ask(packet, mono)
        led = asked is not None and (asked.reply_source, asked.reply_target) != (asked.target, asked.source)
        addressed, names = None, []  # type: Optional[Endpoint], List[_Key]
        if asked is not None and led:
            key, answers = (packet.proto, asked.source, asked.reply_source), (asked.reply_source, asked.reply_target)
            addressed = asked.target if asked.target != asked.reply_source else None
            names = [(packet.proto, asked.source, asked.target), (packet.proto, *answers)]
        if not self._passes(key[1][0], key[2][0]):
            if was_asked and packet.proto == "udp" and len(self._ending_here) < FLOWS_KEPT:
                self._ending_here.update((key, back))
            return []
        if len(self._open) >= FLOWS_KEPT or not may_tell:
            self._dropped += 1
            return []
        self._number += 1
        crossing = _Crossing("{}-r{}".format(self._run, self._number), mono, addressed, names)
        crossing.packets = 1
        self._open[key] = crossing
        self._names.update(dict.fromkeys(names, key))
        return [self._observation("flow.open", key, crossing, mono)]

    def _goes_on(self, key: _Key, ends: bool, mono: float) -> List[Observation]:
        crossing = self._open[key]
        crossing.last = mono
        crossing.packets += 1
        if not ends:
            return []
        self._forget(key)
        return [self._observation("flow.close", key, crossing, mono)]

    def _forget(self, key: _Key) -> None:
        for name in self._open.pop(key).other_names:
            self._names.pop(name, None)

    def _ask(self, packet: Packet, mono: float) -> Tuple[bool, Optional[conntrack.Translated]]:
        """Where the kernel leads a packet that comes in from elsewhere, and whether it was asked and answered."""
        if self._may_ask is None or self._scopes.of(packet.source[0]) not in _ELSEWHERE:
            return False, None
        if self._may_ask == 0:
            self._dropped += 1
            return False, None
        self._may_ask -= 1
        try:
            return True, self._asks.find(packet.proto, packet.source, packet.target)
        except KernelError as error:
            self._may_ask, self._ask_again = None, mono + ASK_AGAIN_S
            self._nat_why = "{}: flows that the firewall leads on are not seen; it needs CAP_NET_ADMIN".format(error)
            return False, None

    def _passes(self, source: str, target: str) -> bool:
        """Neither end is here. What only comes by on a bridge, or to everybody, is left out."""
        return self._scopes.of(source) in _ELSEWHERE and self._scopes.of(target) in _ELSEWHERE

    def _observation(self, kind: str, key: _Key, crossing: _Crossing, mono: float) -> Observation:
        proto, source, target = key
        fields: Dict[str, object] = {
            "flow": crossing.flow,
            "proto": proto,
            "direction": "through",
            "local": None,
            "remote": None,
            "source": list(source),
            "target": list(target),
            "addressed": None if crossing.addressed is None else list(crossing.addressed),
            "source_scope": self._scopes.of(source[0]),
            "scope": self._scopes.of(target[0]),
            "remote_name": self._name_of(target[0]),
            "puid": None,
            "exe": None,
            "duration_s": round(max(0.0, mono - crossing.opened), 3),
        }
        return Observation(kind, wall(mono), mono, "routed/packet", fields)
