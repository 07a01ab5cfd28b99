"""Flows beyond TCP: UDP, ICMP echo, SCTP, GRE and whatever else crosses this machine's interfaces, and their sockets.

Source: a packet socket whose filter keeps headers only, read when due; owners from the sockets' inodes. Below it: the
sockets alone, looked at now and then, which shows doors and connected sockets but not who speaks to a door.
"""

from typing import Callable, Dict, FrozenSet, List, Optional, Set, Tuple

from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.datagram_sockets import DatagramSocket, datagram_sockets
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.packet_tap import Captured, PacketTap, not_tcp
from wachhund_agent.sensors.flow import Endpoint, Flow, Owner, whose
from wachhund_agent.sensors.packet import Packet, parse_packet
from wachhund_agent.sensors.scope import HERE, Scopes
from wachhund_agent.sensors.sense import Sense
from wachhund_agent.sensors.tcp_owners import Owners
from wachhund_evidence import Coverage, Observation

SNAP_BYTES = 128
PACKETS_A_LOOK = 4096
FLOWS_KEPT = 4096
NEW_A_SECOND = 50  # told one by one; a scan or a noisy network is counted beyond it
IDLE_S = 30.0  # conntrack's own time for a UDP flow
UPDATE_S = 10.0
SOCKETS_S = 5.0
OWNER_WAIT_S = 3.0  # a look at everybody's open files is made at most each 2 s
PORTS_TOLD = 16
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  # compared, not bound to
_Ends = Tuple[str, Endpoint, Endpoint]


class _Entry:
    """What is known of one flow so far."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "direction",
        "flow",
        "last",
        "local",
        "opened",
        "own",
        "owner",
        "packets_in",
        "packets_out",
        "peer",
        "proto",
        "remote",
        "told",
        "told_at",
        "told_bytes",
    )  # fmt: skip

    def __init__(self, flow: str, ends: _Ends, direction: str, mono: float) -> None:
        self.flow, self.direction = flow, direction
        self.proto, self.local, self.remote = ends
        self.opened = self.last = self.told_at = mono
        self.bytes_in = self.bytes_out = self.packets_in = self.packets_out = self.told_bytes = 0
        self.owner: Optional[Owner] = None
        self.peer: Optional[Owner] = None
        self.told = self.own = False


def is_group(address: str) -> bool:
    """Multicast, or IPv4's broadcast to all."""
    if ":" in address:
        return address.lower().startswith("ff")
    first = address.split(".", 1)[0]
    return address == "255.255.255.255" or (first.isdigit() and 224 <= int(first) <= 239)


class DatagramSense(Sense):
    """Kinds: `flow.*`, `flow.summary`, `listen.*`. `name_of`: the name by which an address was looked up."""

    name = "udp"
    interval_s = 0.5

    def __init__(
        self,
        owners: Owners,
        run: str,
        own_inodes: Callable[[], FrozenSet[int]] = frozenset,
        name_of: Callable[[str], Optional[str]] = lambda address: None,
    ) -> None:
        self._owners, self._run, self._own_inodes, self._name_of = owners, run, own_inodes, name_of
        self._scopes = Scopes()
        self._tap: Optional[PacketTap] = None
        self._why: Optional[str] = None
        self._entries: Dict[_Ends, _Entry] = {}
        self._doors: Dict[Tuple[str, Endpoint], Tuple[int, Optional[Owner]]] = {}
        self._nameless: Dict[int, float] = {}  # doors whose process is still looked for, since when
        self._sockets: List[DatagramSocket] = []
        self._next_sockets = 0.0
        self._number = self._dropped = 0
        self._fresh: List[float] = []
        self._uncounted: Dict[str, List[int]] = {}
        self._uncounted_since = 0.0

    def start(self, mono: float) -> List[Observation]:
        try:
            self._tap = PacketTap(not_tcp(SNAP_BYTES), SNAP_BYTES)
        except KernelError as error:
            self._why = "{}: doors are seen, not who speaks to them; it needs CAP_NET_RAW".format(error)
        return self._look_at_sockets(mono, existing=True)

    @property
    def flows(self) -> List[Tuple[str, Flow]]:
        """The open flows, each with its protocol."""
        return [(entry.proto, self._flow(entry)) for entry in self._entries.values()]

    def look(self, mono: float) -> List[Observation]:
        self._scopes.refresh(mono)
        self._owners.begin()
        found: List[Observation] = []
        missing: Set[_Ends] = set()
        if self._tap is not None:
            for captured in self._tap.read(PACKETS_A_LOOK):
                self._take(captured, mono, missing)
        if mono >= self._next_sockets or missing:
            found += self._look_at_sockets(mono)
        return found + self._settle(mono)

    def coverage(self) -> Coverage:
        dropped = self._dropped + (0 if self._tap is None else self._tap.dropped)
        if self._tap is None:
            return Coverage("procfs", "poll", SOCKETS_S, dropped, self._why)
        return Coverage("packet", "event", self.interval_s, dropped)

    def close(self) -> None:
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _take(self, captured: Captured, mono: float, missing: Set[_Ends]) -> None:
        packet = parse_packet(captured.data, captured.ethertype)
        if packet is None:
            return
        ends, outgoing = self._ends(packet, captured)
        entry = self._entries.get(ends)
        if entry is None:
            entry = self._new(ends, outgoing, packet, mono)
            if entry is None:
                return
            missing.add(ends)
        entry.last = mono
        if outgoing:
            entry.bytes_out += packet.length
            entry.packets_out += 1
        else:
            entry.bytes_in += packet.length
            entry.packets_in += 1

    def _ends(self, packet: Packet, captured: Captured) -> Tuple[_Ends, bool]:
        """The flow that a packet belongs to, and whether the flow's local end sent it."""
        there = (packet.proto, packet.target, packet.source)
        if there in self._entries:
            return there, False
        here = (packet.proto, packet.source, packet.target)
        if here in self._entries or captured.outgoing or captured.interface == "lo":
            return here, True
        return there, False

    def _new(self, ends: _Ends, outgoing: bool, packet: Packet, mono: float) -> Optional[_Entry]:
        scope = self._scopes.of(ends[1][0])
        if scope not in HERE and not is_group(ends[1][0]):
            return None  # it only passes through: the routed sense's business
        if len(self._entries) >= FLOWS_KEPT:
            self._dropped += 1
            return None
        self._fresh = [at for at in self._fresh if mono - at < 1.0]
        if len(self._fresh) >= NEW_A_SECOND:
            if not self._uncounted:
                self._uncounted_since = mono
            ports = self._uncounted.setdefault(packet.proto, [0])
            ports[0] += 1
            if len(ports) <= PORTS_TOLD and ends[2][1] not in ports[1:]:
                ports.append(ends[2][1])
            return None
        self._fresh.append(mono)
        self._number += 1
        direction = "out" if outgoing else "in"
        entry = self._entries[ends] = _Entry("{}-u{}".format(self._run, self._number), ends, direction, mono)
        return entry

    def _look_at_sockets(self, mono: float, existing: bool = False) -> List[Observation]:
        self._next_sockets = mono + SOCKETS_S
        self._sockets = datagram_sockets()
        found: List[Observation] = []
        now = {(sock.proto, sock.local): sock.inode for sock in self._sockets if sock.remote[1] == 0}
        for door, (inode, owner) in list(self._doors.items()):
            if now.get(door) != inode:
                del self._doors[door]
                found.append(self._door("listen.close", door, owner, mono, False))
        for door, inode in now.items():
            if door in self._doors or len(self._doors) >= FLOWS_KEPT:
                continue
            owner = self._owners.anywhere(inode, mono)
            since = self._nameless.setdefault(inode, mono)
            if owner is not None or existing or mono - since >= OWNER_WAIT_S:
                self._doors[door] = inode, owner
                found.append(self._door("listen.open", door, owner, mono, existing))
        known = {inode for inode, _ in self._doors.values()}
        self._nameless = {
            inode: since for inode, since in self._nameless.items() if inode in now.values() and inode not in known
        }
        if self._nameless:
            self._next_sockets = mono  # soon again
        return found

    def _settle(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        for ends, entry in list(self._entries.items()):
            if entry.owner is None and mono - entry.opened <= OWNER_WAIT_S:
                self._find_owners(entry, mono)
            if not entry.told and (entry.owner is not None or mono - entry.opened >= OWNER_WAIT_S):
                entry.told, entry.told_at = True, mono
                entry.told_bytes = entry.bytes_in + entry.bytes_out
                found.append(self._observation("flow.open", entry, entry.opened))
            elif entry.told and mono - entry.last >= IDLE_S:
                del self._entries[ends]
                found.append(self._observation("flow.close", entry, entry.last))
            elif entry.told and mono - entry.told_at >= UPDATE_S:
                entry.told_at, before = mono, entry.told_bytes
                entry.told_bytes = entry.bytes_in + entry.bytes_out
                if entry.told_bytes != before:
                    found.append(self._observation("flow.update", entry, mono))
        if self._uncounted and mono - self._uncounted_since >= UPDATE_S:
            for proto, (count, *ports) in self._uncounted.items():
                fields = {
                    "proto": proto, "count": count, "remote_ports": ports,
                    "first_mono": round(self._uncounted_since, 3), "last_mono": round(mono, 3),
                }  # fmt: skip
                found.append(Observation("flow.summary", wall(mono), mono, "udp/packet", fields))
            self._uncounted.clear()
        return found

    def _find_owners(self, entry: _Entry, mono: float) -> None:
        inode = self._inode(entry.proto, entry.local, entry.remote)
        if inode:
            entry.own = inode in self._own_inodes()
            entry.owner = self._owners.anywhere(inode, mono)
        if self._scopes.of(entry.remote[0]) in HERE:
            other = self._inode(entry.proto, entry.remote, entry.local)
            entry.peer = self._owners.anywhere(other, mono) if other else None

    def _inode(self, proto: str, local: Endpoint, remote: Endpoint) -> int:
        """The socket of one end: a connected one before a bound one, an address before a wildcard."""
        best, found = -1, 0
        for sock in self._sockets:
            if sock.proto == "raw":
                fits = proto == "icmp" and sock.local[1] in (1, 58)
            else:
                fits = sock.proto == proto and sock.local[1] == local[1]
            if not fits or sock.local[0] not in (local[0], *_WILDCARDS):
                continue
            rank = 2 * (sock.remote == remote) + (sock.local[0] == local[0])
            if rank > best:
                best, found = rank, sock.inode
        return found

    def _flow(self, entry: _Entry) -> Flow:
        return Flow(
            entry.flow, entry.local, entry.remote, entry.direction, self._scopes.of(entry.remote[0]), entry.owner,
            entry.peer, 0, 0, entry.opened, entry.own, entry.bytes_in, entry.bytes_out,
        )  # fmt: skip

    def _observation(self, kind: str, entry: _Entry, mono: float) -> Observation:
        owner, peer = entry.owner, entry.peer
        fields: Dict[str, object] = {
            "flow": entry.flow,
            "proto": entry.proto,
            "direction": entry.direction,
            "local": list(entry.local),
            "remote": list(entry.remote),
            "scope": "lan" if is_group(entry.remote[0]) else self._scopes.of(entry.remote[0]),
            "remote_name": self._name_of(entry.remote[0]),
            **whose(owner, peer),
            "bytes_out": entry.bytes_out,
            "bytes_in": entry.bytes_in,
            "packets_out": entry.packets_out,
            "packets_in": entry.packets_in,
            "duration_s": round(max(0.0, entry.last - entry.opened), 3),
        }
        if owner is None:
            fields["why"] = "no socket of this machine fits: it was gone, or the kernel answers itself"
        if entry.own:
            fields["own"] = True
        return Observation(kind, wall(mono), mono, "udp/packet", fields)

    def _door(
        self, kind: str, door: Tuple[str, Endpoint], owner: Optional[Owner], mono: float, existing: bool
    ) -> Observation:
        proto, local = door
        fields: Dict[str, object] = {
            "proto": proto,
            "local": list(local),
            "scope": self._scopes.of_listener(local[0]),
            "puid": None if owner is None else owner.puid,
            "pid": None if owner is None else owner.pid,
            "exe": None if owner is None else owner.exe,
            "user": None if owner is None else owner.user,
        }
        if existing:
            fields["existing"] = True
        return Observation(kind, wall(mono), mono, "udp/procfs", fields)
