"""The links of this machine as the kernel's records leave them: what each is now, and which have gone."""

from typing import Any, Dict, List, Optional, Sequence, Set, ValuesView

from wachhund_agent.kernel.rtnetlink import AddressRecord, LinkRecord, Record, RouteRecord, Snapshot
from wachhund_agent.kernel.wireguard import WireguardPeer
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.link_kind import link_kind

LINKS_KEPT = 256
ADDRESSES_KEPT = 32  # of one link; IPv6 privacy makes a handful
ROUTES_KEPT = 64  # default routes and halves of them


class Link:
    """What is known of a link now, and what was told last. `peers`: of a WireGuard link, None when not seen."""

    def __init__(self, record: LinkRecord) -> None:
        self.record = record
        self.kind = ""
        self.addresses: Set[str] = set()
        self.forwarding = dict(record.forwarding)
        self.peers: Optional[List[WireguardPeer]] = None
        self.told: Optional[Dict[str, Any]] = None
        self.told_peers: object = None
        self.told_holders: Optional[List[Owner]] = None


class LinkTable:
    """`classes`: where /sys/class/net is. `gone`: links that are no more, by name, until they are told.

    `routes_stale`: the kernel does not say of each route that it went, so they are to be listed anew; `peers_stale`: a
    link with peers came. `is_full`: there are more links than are kept. `overflow`: what found no room.
    """

    def __init__(self, classes: str) -> None:
        self._classes = classes
        self._links: Dict[int, Link] = {}
        self.gone: Dict[str, Dict[str, Any]] = {}
        self.routes: List[RouteRecord] = []
        self.routes_stale = self.peers_stale = self.is_full = False
        self.overflow = 0

    def links(self) -> ValuesView[Link]:
        return self._links.values()

    def names(self) -> Dict[int, str]:
        """By index."""
        return {ifindex: link.record.name for ifindex, link in self._links.items()}

    def apply(self, record: Record) -> None:
        """One change that the kernel told of."""
        if isinstance(record, LinkRecord):
            if record.gone:
                self._remove(record.ifindex)
            else:
                self._put(record)
        elif isinstance(record, AddressRecord):
            self._address(record)
        elif isinstance(record, RouteRecord):
            self.routes_stale = True  # a route that is replaced goes without a word, so they are listed anew
        elif record.ifindex in self._links:
            self._links[record.ifindex].forwarding[record.family] = record.on

    def replace(self, seen: Snapshot) -> None:
        """Everything anew."""
        here = {record.ifindex for record in seen.links}
        for ifindex in [known for known in self._links if known not in here]:
            self._remove(ifindex)
        for record in seen.links:
            self._put(record)
        for link in self._links.values():
            link.addresses = set()
        for address in seen.addresses:
            self._address(address)
        self.replace_routes(seen.routes)

    def replace_routes(self, routes: Sequence[RouteRecord]) -> None:
        self.routes, self.routes_stale = list(routes[:ROUTES_KEPT]), False

    def note_gone(self, link: Link) -> None:
        """The name under which it was told is no more."""
        fields = dict(self.fields(link, set()) if link.told is None else link.told)
        if len(self.gone) >= LINKS_KEPT and fields["ifname"] not in self.gone:
            self.overflow += 1
            return
        fields.update(up=False, default_route=False, gone=True)
        self.gone[fields["ifname"]] = fields

    def fields(self, link: Link, routed: Set[int]) -> Dict[str, Any]:
        """What a `link.change` says of it, without its peers. `routed`: indices of the links that a route leads to."""
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

    def _put(self, record: LinkRecord) -> None:
        link = self._links.get(record.ifindex)
        if link is None:
            if len(self._links) >= LINKS_KEPT:
                self.overflow += not self.is_full
                self.is_full = True
                return
            link = self._links[record.ifindex] = Link(record)
        before, link.record = link.record, record
        link.forwarding.update(record.forwarding)
        if not link.kind or before[1:4] != record[1:4]:
            link.kind = link_kind(record, "{}/{}".format(self._classes, record.name))
            self.peers_stale = self.peers_stale or link.kind == "wireguard"
        if before.up and not record.up:
            self.routes_stale = True  # IPv4 routes over a link that goes down go without a word

    def _remove(self, ifindex: int) -> None:
        link = self._links.pop(ifindex, None)
        if link is None:
            return
        self.routes_stale, self.is_full = True, False
        self.note_gone(link)

    def _address(self, record: AddressRecord) -> None:
        link = self._links.get(record.ifindex)
        if link is None:
            return
        if record.gone:
            link.addresses.discard(record.address)
            self.routes_stale = True  # and so do those that used an address
        elif len(link.addresses) < ADDRESSES_KEPT:
            link.addresses.add(record.address)
        elif record.address not in link.addresses:
            self.overflow += 1
