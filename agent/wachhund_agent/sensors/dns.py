"""DNS: by which name this robot looked an address up, and how much is asked of which domain (tunnels over DNS).

Source: a packet socket that keeps port 53 only, read when due, and /etc/hosts. An answer counts only when this robot
asked that server that question shortly before: whoever is in its network can send it both a question and an answer.
Look-ups over TCP and encrypted ones (DoT, DoH) are not seen here: they are TCP flows.
"""

import math
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional, Set, Tuple

from wachhund_agent.kernel.addresses import own_addresses
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.packet_tap import Captured, PacketTap, port_53
from wachhund_agent.sensors.dns_message import Message, parse_message
from wachhund_agent.sensors.flow import Endpoint
from wachhund_agent.sensors.packet import parse_packet
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, clip, text

SNAP_BYTES = 1600
PACKETS_A_LOOK = 2048
NAMES_KEPT = 4096
PENDING_KEPT = 1024
PENDING_S = 10.0
DOMAINS_KEPT = 200
SUBNAMES_KEPT = 256  # distinct names counted of one domain
SUMMARY_S = 60.0
LOUD_QUERIES = 50  # of one domain within a minute: told at once
LOUD_LABEL = 40  # characters: people write no such names
HOSTS_BYTES = 256 * 1024
HOSTS_S = 10.0
ADDRESSES_S = 10.0  # own addresses are asked for again while there are look-ups
SERVERS_TOLD = 4
OTHERS = "(others)"
_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})


def domain_of(labels: Tuple[str, ...]) -> str:
    """The part that somebody registers, by the common shape (no public suffix list on a robot)."""
    wanted = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-wanted:]) or "."


def bits_per_character(word: str) -> float:
    """Shannon's entropy of the characters: about 3.5 for names that people give, 4.5 and more for encoded data."""
    if not word:
        return 0.0
    shares = [count / len(word) for count in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares)


def parse_hosts(data: bytes) -> Dict[str, str]:
    """Address to its first name, from hosts(5)."""
    found: Dict[str, str] = {}
    for line in data[:HOSTS_BYTES].split(b"\n"):
        words = line.split(b"#", 1)[0].split()
        if len(words) >= 2 and len(found) < NAMES_KEPT:
            found.setdefault(text(words[0]), clip(text(words[1]), 255)[0])
    return found


class _Domain:
    """What was asked of one domain since the last summary."""

    __slots__ = ("bytes_in", "bytes_out", "entropy", "first", "last", "longest", "names", "nxdomain",
                 "qtypes", "queries", "servers")  # fmt: skip

    def __init__(self, mono: float) -> None:
        self.first = self.last = mono
        self.queries = self.bytes_out = self.bytes_in = self.longest = self.nxdomain = 0
        self.entropy = 0.0
        self.names: Set[str] = set()
        self.qtypes: Dict[str, int] = {}
        self.servers: List[str] = []


class DnsSense(Sense):
    """Kind: `dns.summary`. `name_of` serves the other senses."""

    name = "dns"
    interval_s = 0.5

    def __init__(self, hosts: Path = Path("/etc/hosts")) -> None:
        self._hosts = hosts
        self._hosts_stamp: Optional[Tuple[int, int]] = None
        self._next_hosts = 0.0
        self._from_hosts: Dict[str, str] = {}
        self._names: "OrderedDict[str, str]" = OrderedDict()
        self._pending: "OrderedDict[Tuple[int, str, Endpoint, Endpoint], float]" = OrderedDict()
        self._own: FrozenSet[str] = frozenset()
        self._next_own = 0.0
        self._domains: Dict[str, _Domain] = {}
        self._told: Dict[str, float] = {}
        self._next_summary = 0.0
        self._tap: Optional[PacketTap] = None
        self._why: Optional[str] = None
        self._dropped = 0

    def name_of(self, address: str) -> Optional[str]:
        """The name by which this robot looked the address up, as it asked for it; None when it did not."""
        return self._names.get(address) or self._from_hosts.get(address)

    def start(self, mono: float) -> List[Observation]:
        self._next_summary = mono + SUMMARY_S
        self._open()
        self._read_hosts(mono)
        return []

    def look(self, mono: float) -> List[Observation]:
        if mono >= self._next_hosts:
            self._read_hosts(mono)
            if self._tap is None:
                self._open()
        for captured in self._captured():
            packet = parse_packet(captured.data, captured.ethertype)
            message = None if packet is None else parse_message(captured.data[packet.payload :])
            if packet is None or message is None:
                continue
            if message.is_response or self._asked_here(captured, packet.source[0], mono):
                self._take(message, packet.source, packet.target, packet.length, mono)
        return self._summaries(mono)

    def coverage(self) -> Coverage:
        if self._tap is None:
            return Coverage("hosts", "poll", HOSTS_S, self._dropped, self._why)
        return Coverage("packet", "event", self.interval_s, self._dropped + self._tap.dropped)

    def close(self) -> None:
        if self._tap is not None:
            self._tap.close()
            self._tap = None

    def _open(self) -> None:
        try:
            self._tap = PacketTap(port_53(SNAP_BYTES), SNAP_BYTES)
        except KernelError as error:
            self._without_tap(error)

    def _without_tap(self, error: KernelError) -> None:
        self._why = "{}: names behind addresses are unknown, but for /etc/hosts; it needs CAP_NET_RAW".format(error)

    def _captured(self) -> List[Captured]:
        if self._tap is None:
            return []
        try:
            return self._tap.read(PACKETS_A_LOOK)
        except KernelError as error:
            self._dropped += self._tap.dropped
            self.close()
            self._without_tap(error)
            return []

    def _asked_here(self, captured: Captured, source: str, mono: float) -> bool:
        """Is a question the robot's own, not one that came in or that it only passes on?"""
        if captured.interface == "lo":
            return True
        if captured.outgoing and mono >= self._next_own:
            self._next_own = mono + ADDRESSES_S
            self._own = own_addresses()
        return captured.outgoing and (source in self._own or not self._own)

    def _read_hosts(self, mono: float) -> None:
        self._next_hosts = mono + HOSTS_S
        try:
            status = self._hosts.stat()
            stamp = status.st_mtime_ns, status.st_size
            if stamp != self._hosts_stamp:
                with self._hosts.open("rb") as file:
                    self._from_hosts = parse_hosts(file.read(HOSTS_BYTES))
                self._hosts_stamp = stamp
        except OSError:
            self._from_hosts, self._hosts_stamp = {}, None

    def _take(self, message: Message, source: Endpoint, target: Endpoint, length: int, mono: float) -> None:
        if not message.is_response:
            self._pending[message.ident, message.name, source, target] = mono
            if len(self._pending) > PENDING_KEPT:
                self._pending.popitem(last=False)
            self._count(self._domain(message, mono), message, target[0], length)
            return
        asked = self._pending.pop((message.ident, message.name, target, source), None)
        if asked is None or mono - asked > PENDING_S:
            return
        domain = self._domain(message, mono)
        domain.bytes_in += length
        domain.nxdomain += message.code == 3
        for address in message.addresses:
            self._names.pop(address, None)
            self._names[address] = clip(message.name, 255)[0]
            if len(self._names) > NAMES_KEPT:
                self._names.popitem(last=False)

    def _domain(self, message: Message, mono: float) -> _Domain:
        name = clip(domain_of(message.labels), 255)[0]
        if name not in self._domains and len(self._domains) >= DOMAINS_KEPT:
            name = OTHERS
        domain = self._domains.setdefault(name, _Domain(mono))
        domain.last = mono
        return domain

    @staticmethod
    def _count(domain: _Domain, message: Message, server: str, length: int) -> None:
        domain.queries += 1
        domain.bytes_out += length
        domain.qtypes[message.qtype] = domain.qtypes.get(message.qtype, 0) + 1
        if len(domain.names) < SUBNAMES_KEPT:
            domain.names.add(message.name)
        below = "".join(message.labels[:-2])
        domain.entropy += bits_per_character(below)
        domain.longest = max([domain.longest, *(len(label) for label in message.labels)])
        if server not in domain.servers and len(domain.servers) < SERVERS_TOLD:
            domain.servers.append(server)

    def _summaries(self, mono: float) -> List[Observation]:
        due = mono >= self._next_summary
        if due:
            self._next_summary = mono + SUMMARY_S
            self._told = {name: at for name, at in self._told.items() if mono - at < SUMMARY_S}
        found = []
        for name, domain in list(self._domains.items()):
            loud = domain.queries >= LOUD_QUERIES or domain.longest >= LOUD_LABEL
            if due or (loud and name not in self._told):
                del self._domains[name]
                if domain.queries:
                    self._told[name] = mono
                    found.append(Observation("dns.summary", wall(mono), mono, "dns/packet", self._fields(name, domain)))
        return found

    @staticmethod
    def _fields(name: str, domain: _Domain) -> Dict[str, object]:
        return {
            "domain": name,
            "queries": domain.queries,
            "distinct_names": len(domain.names),
            "longest_label": domain.longest,
            "bytes_out": domain.bytes_out,
            "bytes_in": domain.bytes_in,
            "qtypes": dict(domain.qtypes),
            "entropy": round(domain.entropy / domain.queries, 2),
            "nxdomain": domain.nxdomain,
            "servers": domain.servers,
            "first_mono": round(domain.first, 3),
            "last_mono": round(domain.last, 3),
        }
