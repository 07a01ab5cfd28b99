"""Routed flows: what crosses this robot without ending here, such as the lab's way to a Nano, or a Nano's way out.

Source: a packet socket that keeps the beginnings and ends of TCP connections, and UDP, while forwarding is on; nothing
is opened while it is off. conntrack is not used: it sees nothing until somebody's firewall rule asks for it, and asking
for it ourselves would change the robot's firewall.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.interface_files import read_number
from wachhund_agent.kernel.packet_tap import PacketTap, tcp_edges_and_datagrams
from wachhund_agent.kernel.sock_diag import KernelError
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
UDP_IDLE_S = 30.0
TCP_IDLE_S = 3600.0  # only its edges are heard, so silence says little
_FIN_OR_RST = 0x05
_FORWARDING = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")

_Key = Tuple[str, Endpoint, Endpoint]


class Crossing(NamedTuple):
    """A flow that crosses this robot now, from who began it."""

    flow: str
    proto: str
    source: Endpoint
    target: Endpoint
    opened: float


class _Crossing:
    """What is known of one flow through the robot so far."""

    __slots__ = ("flow", "last", "opened", "packets")

    def __init__(self, flow: str, mono: float) -> None:
        self.flow = flow
        self.opened = self.last = mono
        self.packets = 0


class RoutedSense(Sense):
    """Kinds: `flow.open`, `flow.close` with direction "through", `source` and `target`. `name_of`: of an address."""

    name = "routed"
    interval_s = 1.0

    def __init__(self, run: str, name_of: Callable[[str], Optional[str]] = lambda address: None) -> None:
        self._run, self._name_of = run, name_of
        self._scopes = Scopes()
        self._tap: Optional[PacketTap] = None
        self._why: Optional[str] = None
        self._open: Dict[_Key, _Crossing] = {}
        self._number = self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        return self.look(mono)

    def look(self, mono: float) -> List[Observation]:
        self._follow_forwarding()
        if self._tap is None:
            return []
        self._scopes.refresh(mono)
        found: List[Observation] = []
        told = 0
        for captured in self._tap.read(PACKETS_A_LOOK):
            packet = parse_packet(captured.data, captured.ethertype)
            if packet is None or not self._passes(packet):
                continue
            ends = (
                packet.proto == "tcp"
                and len(captured.data) > packet.payload + 13
                and bool(captured.data[packet.payload + 13] & _FIN_OR_RST)
            )
            changes = self._take(packet, ends, told < NEW_A_LOOK, mono)
            told += sum(change.kind == "flow.open" for change in changes)
            found += changes
        for key, crossing in list(self._open.items()):
            if mono - crossing.last >= (TCP_IDLE_S if key[0] == "tcp" else UDP_IDLE_S):
                del self._open[key]
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
        return Coverage("packet", "event", self.interval_s, self._dropped + self._tap.dropped)

    def close(self) -> None:
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _follow_forwarding(self) -> None:
        on = any(read_number(path) == 1 for path in _FORWARDING)
        if on and self._tap is None:
            try:
                self._tap, self._why = PacketTap(tcp_edges_and_datagrams(SNAP_BYTES), SNAP_BYTES), None
            except KernelError as error:
                self._why = "{}: what crosses this machine is not seen; it needs CAP_NET_RAW".format(error)
        elif not on:
            self._why = None
            self.close()

    def _passes(self, packet: Packet) -> bool:
        """Neither end is here. What only comes by on a bridge, or to everybody, is left out."""
        return not is_group(packet.target[0]) and all(
            self._scopes.of(end[0]) in ("lan", "internet") for end in (packet.source, packet.target)
        )

    def _take(self, packet: Packet, ends: bool, may_tell: bool, mono: float) -> List[Observation]:
        key = (packet.proto, packet.source, packet.target)
        back = (packet.proto, packet.target, packet.source)
        if back in self._open:
            key = back
        crossing = self._open.get(key)
        if crossing is None:
            if ends:
                return []  # its beginning was before us
            if len(self._open) >= FLOWS_KEPT or not may_tell:
                self._dropped += 1
                return []
            self._number += 1
            crossing = self._open[key] = _Crossing("{}-r{}".format(self._run, self._number), mono)
            crossing.packets = 1
            return [self._observation("flow.open", key, crossing, mono)]
        crossing.last = mono
        crossing.packets += 1
        if not ends:
            return []
        del self._open[key]
        return [self._observation("flow.close", key, crossing, mono)]

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
            "source_scope": self._scopes.of(source[0]),
            "scope": self._scopes.of(target[0]),
            "remote_name": self._name_of(target[0]),
            "puid": None,
            "exe": None,
            "duration_s": round(max(0.0, mono - crossing.opened), 3),
        }
        return Observation(kind, wall(mono), mono, "routed/packet", fields)
