"""Network links: what came, what went, where everything is sent, and whether this robot passes packets on.

A tunnel, a modem or a bridge shows here before anybody uses it. Source: rtnetlink, heard at once and listed anew each
minute; below it /proc/net and /sys/class/net, looked at each second. Forwarding is read from /proc/sys, NAT from
nf_tables and ip_tables, the peers of WireGuard links from generic netlink.
"""

import os
import socket
import time
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

from wachhund_agent.kernel import interface_files, rtnetlink, wireguard
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.interface_files import read_number
from wachhund_agent.kernel.procfs import read_file
from wachhund_agent.kernel.rtnetlink import (
    AddressRecord,
    ForwardingRecord,
    LinkRecord,
    Record,
    RouteRecord,
    Snapshot,
)
from wachhund_agent.kernel.sock_diag import KernelError
from wachhund_agent.sensors.nat import FORWARDS_KEPT, Nat
from wachhund_agent.sensors.port_forwards import PortForwards
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation, text

LINKS_KEPT = 256
ADDRESSES_KEPT = 32  # of one link; IPv6 privacy makes a handful
ROUTES_KEPT = 64  # default routes and halves of them
EACH_S = 1.0  # a link, or a setting, is told of at most this often; what changes in between comes out as one
TOLD_A_LOOK = 64  # observations; the rest waits for the next look
TELL_S = 5.0  # what changed is told within this: a second for each change of a link, four looks for many links
DUMP_S = 60.0
ROUTES_S = 0.25  # between two listings of the routes, however often they change
CHECK_S = 0.95  # between two looks at files; what a setting was in between is not told anyway
PEERS_S = 5.0
ACTIVE_S = 180  # WireGuard gives up a session that has not been renewed for so long
_HALVES = {socket.AF_INET: ("0.0.0.0/1", "128.0.0.0/1"), socket.AF_INET6: ("::/1", "8000::/1")}
_EVERYWHERE = {socket.AF_INET: "0.0.0.0/0", socket.AF_INET6: "::/0"}
_KINDS = {
    "wireguard": "wireguard",
    "ppp": "ppp",
    "wwan": "wwan",
    "rmnet": "wwan",
    "bridge": "bridge",
    "veth": "veth",
}
_HARDWARE = {
    rtnetlink.HARDWARE_LOOPBACK: "loopback",
    rtnetlink.HARDWARE_PPP: "ppp",
    rtnetlink.HARDWARE_RAW_IP: "wwan",
}
_TYPES = {
    "wlan": "wifi",
    "wwan": "wwan",
    "bridge": "bridge",
    "ppp": "ppp",
    "wireguard": "wireguard",
    "l2tpeth": "l2tpeth",  # the kernel has no other word for these
}
_NAMES = (("wlan", "wifi"), ("wlp", "wifi"), ("wwan", "wwan"), ("ppp", "ppp"), ("wg", "wireguard"), ("tun", "tun"))


def link_kind(record: LinkRecord, folder: str) -> str:
    """What sort of link it is: by the kernel's own word, then by sysfs (`folder`: its place there), then its name.

    One of our words where there is one (`_KINDS`), else the kernel's.
    """
    if record.kind == "tun" and record.is_tap is not None:
        return "tap" if record.is_tap else "tun"
    if record.kind in _KINDS:
        return _KINDS[record.kind]
    if record.hardware in _HARDWARE:
        return _HARDWARE[record.hardware]
    if record.kind is not None and record.kind != "tun":
        return record.kind  # vxlan, gre, ipip, ...: what the host makes of a word is its business
    flags = read_number(folder + "/tun_flags", 16)
    if flags is not None:
        return "tap" if flags & 2 else "tun"
    for line in (read_file(folder + "/uevent") or b"").splitlines():
        if line.startswith(b"DEVTYPE="):
            kind = _TYPES.get(text(line[8:]))
            if kind is not None:
                return kind
    if any(os.path.isdir(folder + name) for name in ("/wireless", "/phy80211")):
        return "wifi"
    if os.path.isdir(folder + "/bridge"):
        return "bridge"
    if record.kind == "tun" or (record.kind is None and record.hardware == rtnetlink.HARDWARE_NONE):
        return "tap" if record.hardware == rtnetlink.HARDWARE_ETHERNET else "tun"
    if record.kind is None and record.hardware == rtnetlink.HARDWARE_ETHERNET:
        named = [kind for start, kind in _NAMES if record.name.startswith(start)]
        return named[0] if named and not os.path.isdir(folder) else "ethernet"
    return "other"


def default_route(routes: Iterable[RouteRecord], names: Dict[int, str]) -> Optional[str]:
    """Where packets to nowhere special go, "eth0 via 192.168.1.1" or "ppp0": IPv4's, else IPv6's; None: nowhere.

    Two halves lie over a whole, as some VPNs do it. Only the main table: which packets go by another is not known.
    """
    main = [route for route in routes if route.table == rtnetlink.MAIN_TABLE]
    for family in (socket.AF_INET, socket.AF_INET6):
        halves = [[route for route in main if route.destination == half] for half in _HALVES[family]]
        best = halves[0] if all(halves) else [route for route in main if route.destination == _EVERYWHERE[family]]
        if best:
            route = min(best, key=lambda found: found.metric)
            name = names.get(route.ifindex, "link {}".format(route.ifindex))
            return name if route.gateway is None else "{} via {}".format(name, route.gateway)
    return None


class _Link:
    """What is known of a link now, and what was told last."""

    def __init__(self, record: LinkRecord) -> None:
        self.record = record
        self.kind = ""
        self.addresses: Set[str] = set()
        self.forwarding = dict(record.forwarding)
        self.peers: Optional[List[wireguard.WireguardPeer]] = None
        self.told: Optional[Dict[str, Any]] = None
        self.told_peers: object = None


class LinkSense(Sense):
    """Kinds: `link.change`, `config.state` (ip-forwarding, nat, port-forward, default-route).

    `proc`, `sys`: where those file systems are. `events`: False to look at files only.
    """

    name = "link"
    interval_s = 0.5

    def __init__(self, proc: str = "/proc", sys: str = "/sys", events: bool = True) -> None:
        self._proc, self._classes, self._events = proc, sys + "/class/net", events
        self._feed: Optional[rtnetlink.NetlinkFeed] = None
        self._nat = Nat(proc)
        self._nat_on: Optional[bool] = None
        self._port_forwards = PortForwards()
        self._links: Dict[int, _Link] = {}
        self._gone: Dict[str, Dict[str, Any]] = {}  # by name, until it is told
        self._routes: List[RouteRecord] = []
        self._routes_stale = False
        self._said: Dict[str, Any] = {}
        self._told_at: Dict[Tuple[str, str], float] = {}
        self._next_dump = self._next_routes = self._next_check = self._next_peers = 0.0
        self._tell_until = 0.0
        self._forwarding: Optional[Dict[str, bool]] = None
        self._peers_why: Optional[str] = None
        self._files_readable = True
        self._lost = self._overflow = 0
        self._full = False

    def start(self, mono: float) -> List[Observation]:
        self._listen()
        self._list(mono)
        self._check(mono)
        self._read_peers(mono)
        return self._tell(mono, existing=True)

    def fds(self) -> List[int]:
        return ([] if self._feed is None else [self._feed.fd]) + self._nat.fds()

    def look(self, mono: float) -> List[Observation]:
        news = self._hear()
        if mono >= self._next_dump:
            if self._feed is None:
                self._listen()
            self._list(mono)
            self._hear()
            news = True
        if self._routes_stale and mono >= self._next_routes and self._feed is not None:
            self._list_routes(mono)
            news = True
        if mono >= self._next_check:
            news = self._check(mono) or news
        if mono >= self._next_peers:
            news = self._read_peers(mono) or news
        if news:
            self._tell_until = mono + TELL_S
        return self._tell(mono, existing=False) if mono < self._tell_until else []

    def coverage(self) -> Coverage:
        why = [reason for reason in (self._nat.why, self._peers_why) if reason is not None]
        if self._nat.overflow:
            why.append("more than {} rules lead connections on: {} are not told".format(FORWARDS_KEPT,
                                                                                     self._nat.overflow))  # fmt: skip
        if self._full:
            why.append("more than {} links: the others are not seen".format(LINKS_KEPT))
        dropped = self._lost + self._overflow
        if self._feed is not None:
            dropped += self._feed.lost
            return Coverage("rtnetlink", "event", None, dropped, "; ".join(why) or None)
        if not self._files_readable:
            why.insert(0, "neither rtnetlink nor /proc/net/dev can be read: links are not seen; allow AF_NETLINK")
            return Coverage("none", "blind", None, dropped, "; ".join(why))
        why.insert(
            0,
            "rtnetlink can't be used: what comes and goes between two looks, a link's further IPv4 addresses and the "
            "routes of other tables are not seen; allow AF_NETLINK",
        )
        return Coverage("procfs", "poll", EACH_S, dropped, "; ".join(why))

    def close(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None
        self._nat.close()

    @property
    def _sensor(self) -> str:
        return "link/procfs" if self._feed is None else "link/rtnetlink"

    # -- what is so

    def _listen(self) -> None:
        if self._events:
            try:
                self._feed = rtnetlink.route_feed()
            except KernelError:
                self._feed = None

    def _unlisten(self) -> None:
        if self._feed is not None:
            self._lost += self._feed.lost + 1
            self._feed.close()
            self._feed = None
            self._next_dump = 0.0

    def _hear(self) -> bool:
        """Whether anything was told."""
        if self._feed is None:
            return False
        lost = self._feed.lost
        try:
            told = self._feed.read()
        except KernelError:
            self._unlisten()
            return True
        if self._feed.lost != lost:
            self._next_dump = 0.0
        for kind, body in told:
            for record in rtnetlink.parse(kind, body):
                self._apply(record)
        return bool(told)

    def _apply(self, record: Record) -> None:
        if isinstance(record, LinkRecord):
            if record.gone:
                self._remove(record.ifindex)
            else:
                self._put(record)
        elif isinstance(record, AddressRecord):
            self._address(record)
        elif isinstance(record, RouteRecord):
            self._routes_stale = True  # a route that is replaced goes without a word, so they are listed anew
        elif record.ifindex in self._links:
            self._links[record.ifindex].forwarding[record.family] = record.on
        if isinstance(record, ForwardingRecord):
            self._next_check = 0.0

    def _put(self, record: LinkRecord) -> None:
        link = self._links.get(record.ifindex)
        if link is None:
            if len(self._links) >= LINKS_KEPT:
                self._overflow += not self._full
                self._full = True
                return
            link = self._links[record.ifindex] = _Link(record)
        before, link.record = link.record, record
        link.forwarding.update(record.forwarding)
        if not link.kind or before[1:4] != record[1:4]:
            link.kind = link_kind(record, "{}/{}".format(self._classes, record.name))
            self._next_peers = 0.0 if link.kind == "wireguard" else self._next_peers
        if before.up and not record.up:
            self._routes_stale = True  # IPv4 routes over a link that goes down go without a word

    def _remove(self, ifindex: int) -> None:
        link = self._links.pop(ifindex, None)
        if link is None:
            return
        self._routes_stale, self._full = True, False
        self._note_gone(link)

    def _note_gone(self, link: _Link) -> None:
        fields = dict(self._fields(link) if link.told is None else link.told)
        if len(self._gone) >= LINKS_KEPT and fields["ifname"] not in self._gone:
            self._overflow += 1
            return
        fields.update(up=False, default_route=False, gone=True)
        self._gone[fields["ifname"]] = fields

    def _address(self, record: AddressRecord) -> None:
        link = self._links.get(record.ifindex)
        if link is None:
            return
        if record.gone:
            link.addresses.discard(record.address)
            self._routes_stale = True  # and so do those that used an address
        elif len(link.addresses) < ADDRESSES_KEPT:
            link.addresses.add(record.address)
        elif record.address not in link.addresses:
            self._overflow += 1

    def _list(self, mono: float) -> None:
        """Everything anew."""
        self._next_dump = mono + (EACH_S if self._feed is None else DUMP_S)
        if self._feed is None and self._events and mono >= self._next_routes:
            self._next_routes = mono + DUMP_S
        seen = self._snapshot()
        if seen is None:
            return
        here = {record.ifindex for record in seen.links}
        for ifindex in [known for known in self._links if known not in here]:
            self._remove(ifindex)
        for record in seen.links:
            self._put(record)
        for link in self._links.values():
            link.addresses = set()
        for address in seen.addresses:
            self._address(address)
        self._routes, self._routes_stale = list(seen.routes[:ROUTES_KEPT]), False
        self._next_routes = mono + ROUTES_S

    def _list_routes(self, mono: float) -> None:
        self._next_routes = mono + ROUTES_S
        try:
            self._routes, self._routes_stale = rtnetlink.default_routes()[:ROUTES_KEPT], False
        except KernelError:
            self._next_dump = 0.0

    def _snapshot(self) -> Optional[Snapshot]:
        if self._feed is not None:
            try:
                return rtnetlink.snapshot()
            except KernelError:
                self._unlisten()
        seen = interface_files.snapshot(self._proc, self._classes)
        self._files_readable = seen is not None
        return seen

    def _check(self, mono: float) -> bool:
        """Whether a setting is another one than before."""
        before = self._forwarding, self._nat_on
        self._next_check = mono + CHECK_S
        on = {}
        for family, path in (("ipv4", "ipv4/ip_forward"), ("ipv6", "ipv6/conf/all/forwarding")):
            value = read_number("{}/sys/net/{}".format(self._proc, path))
            if value is not None:
                on[family] = value != 0
        self._forwarding = on or None
        self._nat_on = self._nat.look()
        return before != (self._forwarding, self._nat_on) or self._port_forwards.differ(self._nat.forwards)

    def _read_peers(self, mono: float) -> bool:
        """Whether there are links with peers, who may be others than before."""
        self._next_peers = mono + PEERS_S
        self._peers_why = None
        tunnels = [link for link in self._links.values() if link.kind == "wireguard"]
        for link in tunnels:
            try:
                link.peers = wireguard.peers(link.record.ifindex)
            except KernelError as error:
                link.peers = None
                self._peers_why = "the peers of WireGuard links are not seen ({}): run it with CAP_NET_ADMIN".format(
                    error
                )
        return bool(tunnels)

    # -- what is told

    def _tell(self, mono: float, existing: bool) -> List[Observation]:
        self._told_at = {key: told for key, told in self._told_at.items() if mono - told < EACH_S}
        found: List[Observation] = []
        routed = {route.ifindex for route in self._routes}
        for name in [name for name in self._gone if self._may("link", name, mono)]:
            if len(found) < TOLD_A_LOOK:
                found.append(self._made("link.change", self._gone.pop(name), mono))
                self._told_at["link", name] = mono
        for link in self._links.values():
            if len(found) >= TOLD_A_LOOK and not existing:
                break
            if not self._changed(link, routed):
                continue
            if link.told is not None and link.told["ifname"] != link.record.name:
                self._note_gone(link)  # renamed: the old name is no more
                link.told = None
            if link.record.name in self._gone or not self._may("link", link.record.name, mono):
                continue
            link.told, link.told_peers = self._fields(link, routed), self._standing(link)
            self._told_at["link", link.record.name] = mono
            more: Dict[str, Any] = {"existing": True} if existing else {}
            if link.kind == "wireguard":
                more["peers"] = self._shown_peers(link)
            found.append(self._made("link.change", dict(link.told, **more), mono))
        found.extend(self._settings(mono, existing))
        found.extend(self._port_forwards.changes(self._nat.forwards, mono, self._sensor, existing))
        return found

    def _settings(self, mono: float, existing: bool) -> List[Observation]:
        names = {ifindex: link.record.name for ifindex, link in self._links.items()}
        on = self._forwarding
        now: Dict[str, Dict[str, Any]] = {
            "ip-forwarding": {"value": None if on is None else any(on.values())},
            "nat": {"value": self._nat_on},
            "default-route": {"value": default_route(self._routes, names)},
        }
        if on is not None:
            now["ip-forwarding"]["families"] = sorted(family for family, is_on in on.items() if is_on)
        found = []
        for name, fields in now.items():
            if (name in self._said and self._said[name] == fields) or not self._may("state", name, mono):
                continue
            self._said[name] = fields
            self._told_at["state", name] = mono
            more = {"existing": True} if existing else {}
            found.append(self._made("config.state", dict(fields, name=name, **more), mono))
        return found

    def _may(self, what: str, name: str, mono: float) -> bool:
        return (what, name) not in self._told_at

    def _made(self, kind: str, fields: Dict[str, Any], mono: float) -> Observation:
        return Observation(kind, wall(mono), mono, self._sensor, fields)

    def _changed(self, link: _Link, routed: Set[int]) -> bool:
        return link.told != self._fields(link, routed) or link.told_peers != self._standing(link)

    def _fields(self, link: _Link, routed: Iterable[int] = ()) -> Dict[str, Any]:
        master = self._links.get(link.record.master)
        return {
            "ifname": link.record.name,
            "link_kind": link.kind,
            "up": link.record.up,
            "addresses": sorted(link.addresses),
            "default_route": link.record.ifindex in routed,
            "master": None if master is None else master.record.name,
            "forwarding": any(link.forwarding.values()) if link.forwarding else None,
        }

    @staticmethod
    def _standing(link: _Link) -> object:
        """What makes the peers of a link worth telling of: who, where, for which networks, and if one is there."""
        if link.peers is None:
            return None
        now = time.time()
        return [
            (peer.name, peer.endpoint, peer.allowed_ips, peer.handshake is not None and now - peer.handshake < ACTIVE_S)
            for peer in link.peers
        ]

    @staticmethod
    def _shown_peers(link: _Link) -> Optional[List[Dict[str, Any]]]:
        if link.peers is None:
            return None
        now = time.time()
        return [
            {
                "peer": peer.name,
                "endpoint": None if peer.endpoint is None else list(peer.endpoint),
                "allowed_ips": list(peer.allowed_ips),
                "latest_handshake_s": None if peer.handshake is None else max(0, int(now - peer.handshake)),
                "bytes_in": peer.bytes_in,
                "bytes_out": peer.bytes_out,
            }
            for peer in link.peers
        ]
