"""Network links: what came, what went, where everything is sent, and whether this robot passes packets on.

A tunnel, a modem or a bridge shows here before anybody uses it. Source: rtnetlink, heard at once and listed anew each
minute; below it /proc/net and /sys/class/net, looked at each second. What they say is kept in link_table; the settings
that make a router of it are routing_settings', the peers of WireGuard links come from generic netlink.
"""

import time
from typing import Any, Callable, Dict, List, Optional, Set

from wachhund_agent.kernel import interface_files, rtnetlink, wireguard
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.netlink import NetlinkFeed
from wachhund_agent.kernel.rtnetlink import ForwardingRecord, Snapshot
from wachhund_agent.sensors import link_peers, tun_holders
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.link_table import LINKS_KEPT, Link, LinkTable
from wachhund_agent.sensors.routing_settings import RoutingSettings
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

EACH_S = 1.0  # a link is told of at most this often; what changes in between comes out as one
TOLD_A_LOOK = 64  # observations; the rest waits for the next look
TELL_S = 5.0  # what changed is told within this: a second for each change of a link, four looks for many links
DUMP_S = 60.0
ROUTES_S = 0.25  # between two listings of the routes, however often they change
CHECK_S = 0.95  # between two looks at files; what a setting was in between is not told anyway
PEERS_S = 5.0


class LinkSense(Sense):
    """Kinds: `link.change`, `config.state` (of routing_settings).

    `who`: names a process by its pid. `proc`, `sys`: where those file systems are. `events`: False to look at files
    only.
    """

    name = "link"
    interval_s = 0.5

    def __init__(
        self, who: Callable[[int], Optional[Owner]], proc: str = "/proc", sys: str = "/sys", events: bool = True
    ) -> None:
        self._proc, self._classes, self._events = proc, sys + "/class/net", events
        self._feed: Optional[NetlinkFeed] = None
        self._table = LinkTable(self._classes)
        self._settings = RoutingSettings(proc)
        self._holders = tun_holders.TunHolders(who)
        self._told_at: Dict[str, float] = {}  # links, by name
        self._next_dump = self._next_routes = self._next_check = self._next_peers = 0.0
        self._tell_until = 0.0
        self._peers_why: Optional[str] = None
        self._files_readable = True
        self._lost = 0

    def start(self, mono: float) -> List[Observation]:
        self._listen()
        self._list(mono)
        self._check(mono)
        self._read_peers(mono)
        self._find_holders(mono)
        return self._tell(mono, existing=True)

    def fds(self) -> List[int]:
        return ([] if self._feed is None else [self._feed.fd]) + self._settings.fds()

    def look(self, mono: float) -> List[Observation]:
        news = self._hear()
        if mono >= self._next_dump:
            if self._feed is None:
                self._listen()
            self._list(mono)
            self._hear()
            news = True
        if self._table.routes_stale and mono >= self._next_routes and self._feed is not None:
            self._list_routes(mono)
            news = True
        if mono >= self._next_check:
            news = self._check(mono) or news
        if mono >= self._next_peers or self._table.peers_stale:
            news = self._read_peers(mono) or news
        news = self._find_holders(mono) or news
        if news:
            self._tell_until = mono + TELL_S
        return self._tell(mono, existing=False) if mono < self._tell_until else []

    def coverage(self) -> Coverage:
        full = "more than {} links: the others are not seen".format(LINKS_KEPT) if self._table.is_full else None
        reasons = (self._settings.why, self._peers_why, self._settings.left_out, full)
        why = [reason for reason in reasons if reason is not None]
        dropped = self._lost + self._table.overflow
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
        self._settings.close()

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
                self._table.apply(record)
                if isinstance(record, ForwardingRecord):
                    self._next_check = 0.0
        return bool(told)

    def _list(self, mono: float) -> None:
        """Everything anew."""
        self._next_dump = mono + (EACH_S if self._feed is None else DUMP_S)
        if self._feed is None and self._events and mono >= self._next_routes:
            self._next_routes = mono + DUMP_S
        seen = self._snapshot()
        if seen is None:
            return
        self._table.replace(seen)
        self._next_routes = mono + ROUTES_S

    def _list_routes(self, mono: float) -> None:
        self._next_routes = mono + ROUTES_S
        try:
            self._table.replace_routes(rtnetlink.default_routes())
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
        self._next_check = mono + CHECK_S
        return self._settings.look()

    def _read_peers(self, mono: float) -> bool:
        """Whether there are links with peers, who may be others than before."""
        self._next_peers, self._table.peers_stale = mono + PEERS_S, False
        self._peers_why = None
        tunnels = [link for link in self._table.links() if link.kind == "wireguard"]
        for link in tunnels:
            try:
                link.peers = wireguard.peers(link.record.ifindex)
            except KernelError as error:
                link.peers = None
                self._peers_why = "the peers of WireGuard links are not seen ({}): run it with CAP_NET_ADMIN".format(
                    error
                )
        return bool(tunnels)

    def _find_holders(self, mono: float) -> bool:
        """Whether a tun or tap interface is held by others than before."""
        held = [link for link in self._table.links() if link.kind in tun_holders.KINDS]
        changed = [link for link in held if link.told is None or link.told["up"] != link.record.up]
        self._holders.changed([link.record.name for link in changed], mono)
        return self._holders.look({link.record.name for link in held}, mono)

    # -- what is told

    def _tell(self, mono: float, existing: bool) -> List[Observation]:
        self._told_at = {name: told for name, told in self._told_at.items() if mono - told < EACH_S}
        found: List[Observation] = []
        table = self._table
        routed = {route.ifindex for route in table.routes}
        for name in [name for name in table.gone if name not in self._told_at]:
            if len(found) < TOLD_A_LOOK:
                found.append(self._made(table.gone.pop(name), mono))
                self._told_at[name] = mono
        for link in table.links():
            if len(found) >= TOLD_A_LOOK and not existing:
                break
            if not self._changed(link, routed):
                continue
            if link.told is not None and link.told["ifname"] != link.record.name:
                table.note_gone(link)  # renamed: the old name is no more
                link.told = None
            if link.record.name in table.gone or link.record.name in self._told_at:
                continue
            now = time.time()
            link.told, link.told_peers = table.fields(link, routed), link_peers.standing(link.peers, now)
            link.told_holders = self._holders.of(link.record.name)
            self._told_at[link.record.name] = mono
            more: Dict[str, Any] = {"existing": True} if existing else {}
            if link.kind == "wireguard":
                more["peers"] = link_peers.shown(link.peers, now)
            if link.kind in tun_holders.KINDS:
                more["holders"] = tun_holders.shown(link.told_holders)
            found.append(self._made(dict(link.told, **more), mono))
        return found + self._settings.changes(table.routes, table.names(), mono, self._sensor, existing)

    def _made(self, fields: Dict[str, Any], mono: float) -> Observation:
        return Observation("link.change", wall(mono), mono, self._sensor, fields)

    def _changed(self, link: Link, routed: Set[int]) -> bool:
        if link.told != self._table.fields(link, routed) or link.told_holders != self._holders.of(link.record.name):
            return True
        return link.told_peers != link_peers.standing(link.peers, time.time())
