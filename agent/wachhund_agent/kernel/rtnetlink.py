"""Links, addresses, default routes and forwarding as the kernel tells them.

Layouts: rtnetlink(7), <linux/if_link.h>, <linux/netconf.h>. Only the caller's own network namespace is seen. Needs no
privilege.
"""

import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from wachhund_agent.kernel.netlink import (
    NETLINK_ROUTE,
    NetlinkFeed,
    attribute_list,
    attributes,
    dump,
    number,
    pack_attribute,
)
from wachhund_evidence import text

MAIN_TABLE = 254
ALL_LINKS = -1  # the index of a ForwardingRecord that speaks of the whole machine
HARDWARE_ETHERNET, HARDWARE_PPP, HARDWARE_RAW_IP, HARDWARE_LOOPBACK, HARDWARE_NONE = 1, 512, 519, 772, 0xFFFE

_IFINFO = struct.Struct("=BxHiII")  # family, hardware, index, flags, change
_IFADDR = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_RTMSG = struct.Struct("=BBBBBBBBI")  # family, lengths of dst and src, tos, table, protocol, scope, type, flags
_NEXTHOP = struct.Struct("=HBBi")  # length, flags, hops, index

_NEWLINK, _DELLINK, _GETLINK = 16, 17, 18
_NEWADDR, _DELADDR, _GETADDR = 20, 21, 22
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_NEWNETCONF = 80
# RTNLGRP_: link, addresses, routes, forwarding of IPv4; the same of IPv6
_GROUPS = (1, 5, 7, 24, 9, 11, 25)
_IFLA_IFNAME, _IFLA_MASTER, _IFLA_WIRELESS, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_EXT_MASK = 3, 10, 11, 18, 26, 29
_SKIP_STATISTICS = 8
_IFF_UP_RUNNING = 0x41
_UNICAST, _CLONED, _DEAD = 1, 0x200, 1


class LinkRecord(NamedTuple):
    """A network interface. `kind`: the driver family's own word ("tun", "wireguard", ...), None for most hardware.

    `hardware`: an ARPHRD number. `up`: switched on and able to carry. `master`: index of its bridge or bond, or 0.
    `is_tap`: of a tun device, whether it carries Ethernet frames. `forwarding`: by address family.
    """

    ifindex: int
    name: str
    kind: Optional[str]
    hardware: int
    up: bool
    master: int
    is_tap: Optional[bool]
    forwarding: Dict[int, bool]
    gone: bool


class AddressRecord(NamedTuple):
    """An address of an interface with the length of its network's prefix, such as "192.168.123.161/24"."""

    ifindex: int
    address: str
    gone: bool


class RouteRecord(NamedTuple):
    """A route to everywhere, or to half of everywhere: VPNs lay two halves over a default route.

    `destination`: such as "0.0.0.0/0" or "8000::/1". `gone` of a route that was replaced is not told by the kernel.
    """

    family: int
    table: int
    destination: str
    metric: int
    ifindex: int
    gateway: Optional[str]
    gone: bool


class ForwardingRecord(NamedTuple):
    """Forwarding was switched on or off for one interface, or for ALL_LINKS."""

    family: int
    ifindex: int
    on: bool


Record = Union[LinkRecord, AddressRecord, RouteRecord, ForwardingRecord]


def parse(kind: int, body: bytes) -> List[Record]:
    """What one message of the route family says; nothing when it is of no use to us or broken."""
    try:
        if kind in (_NEWLINK, _DELLINK):
            return _links(body, kind == _DELLINK)
        if kind in (_NEWADDR, _DELADDR):
            return _addresses(body, kind == _DELADDR)
        if kind in (_NEWROUTE, _DELROUTE):
            return _routes(body, kind == _DELROUTE)
        if kind == _NEWNETCONF:
            return _forwarding(body)
    except (struct.error, ValueError):
        return []
    return []


def _links(body: bytes, gone: bool) -> List[Record]:
    family, hardware, index, flags, _ = _IFINFO.unpack_from(body)
    found = attributes(body, _IFINFO.size)
    # Bridges tell of their ports under their own family, and radios tell events in a link message without the rest.
    if family != socket.AF_UNSPEC or _IFLA_IFNAME not in found or _IFLA_WIRELESS in found:
        return []
    info = attributes(found.get(_IFLA_LINKINFO, b""))
    kind = None if 1 not in info else text(info[1].split(b"\x00")[0])
    tun_type = number(attributes(info.get(2, b"")).get(3)) if kind == "tun" else None
    forwarding = {}
    for number_of, values in attribute_list(found.get(_IFLA_AF_SPEC, b"")):
        settings = attributes(values).get(1 if number_of == socket.AF_INET else 2, b"")
        # Both families' first setting is forwarding; IPv4 counts its settings from 1.
        if number_of in (socket.AF_INET, socket.AF_INET6) and len(settings) >= 4:
            forwarding[number_of] = settings[:4] != b"\x00" * 4
    name = text(found[_IFLA_IFNAME].split(b"\x00")[0])
    up = flags & _IFF_UP_RUNNING == _IFF_UP_RUNNING
    master = number(found.get(_IFLA_MASTER)) or 0
    is_tap = None if tun_type is None else tun_type == 2
    return [LinkRecord(index, name, kind, hardware, up, master, is_tap, forwarding, gone)]


def _addresses(body: bytes, gone: bool) -> List[Record]:
    family, prefix, _, _, index = _IFADDR.unpack_from(body)
    found = attributes(body, _IFADDR.size)
    raw = found.get(2, found.get(1))  # of a point-to-point link 1 is the other end
    if raw is None or family not in (socket.AF_INET, socket.AF_INET6):
        return []
    return [AddressRecord(index, "{}/{}".format(socket.inet_ntop(family, raw), prefix), gone)]


def _routes(body: bytes, gone: bool) -> List[Record]:
    family, prefix, _, _, table, _, _, kind, flags = _RTMSG.unpack_from(body)
    if family not in (socket.AF_INET, socket.AF_INET6) or prefix > 1 or kind != _UNICAST or flags & (_CLONED | _DEAD):
        return []
    found = attributes(body, _RTMSG.size)
    size = 4 if family == socket.AF_INET else 16
    destination = "{}/{}".format(socket.inet_ntop(family, found.get(1, b"\x00" * size)), prefix)
    metric, table = number(found.get(6)) or 0, number(found.get(15)) or table
    hops = [(number(found.get(4)) or 0, _gateway(family, found))]
    if 9 in found:
        hops = list(_hops(family, found[9]))
    return [RouteRecord(family, table, destination, metric, index, gateway, gone) for index, gateway in hops]


def _hops(family: int, data: bytes) -> Iterator[Tuple[int, Optional[str]]]:
    at = 0
    while at + _NEXTHOP.size <= len(data):
        length, _, _, index = _NEXTHOP.unpack_from(data, at)
        if length < _NEXTHOP.size:
            return
        yield index, _gateway(family, attributes(data[at : at + length], _NEXTHOP.size))
        at += (length + 3) & ~3


def _gateway(family: int, found: Dict[int, bytes]) -> Optional[str]:
    if 5 in found:
        return socket.inet_ntop(family, found[5])
    via = found.get(18, b"")  # a gateway of the other address family
    return socket.inet_ntop(struct.unpack_from("=H", via)[0], via[2:]) if len(via) in (6, 18) else None


def _forwarding(body: bytes) -> List[Record]:
    found = attributes(body, 4)
    if len(found.get(1, b"")) < 4 or len(found.get(2, b"")) < 4:
        return []
    return [ForwardingRecord(body[0], struct.unpack_from("=i", found[1])[0], found[2][:4] != b"\x00" * 4)]


def _records(kind: int, payload: bytes) -> List[Record]:
    return [record for told, body in dump(NETLINK_ROUTE, kind, payload) for record in parse(told, body)]


class Snapshot(NamedTuple):
    """Links, addresses and default routes of one moment."""

    links: List[LinkRecord]
    addresses: List[AddressRecord]
    routes: List[RouteRecord]


def snapshot() -> Snapshot:
    """All of them. Raises KernelError."""
    return Snapshot(links(), addresses(), default_routes())


def links() -> List[LinkRecord]:
    """All interfaces. Raises KernelError."""
    payload = _IFINFO.pack(0, 0, 0, 0, 0) + pack_attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATISTICS))
    return [record for record in _records(_GETLINK, payload) if isinstance(record, LinkRecord)]


def addresses() -> List[AddressRecord]:
    """All addresses. Raises KernelError."""
    found = _records(_GETADDR, _IFADDR.pack(0, 0, 0, 0, 0))
    return [record for record in found if isinstance(record, AddressRecord)]


def default_routes() -> List[RouteRecord]:
    """The routes to everywhere or half of it, of all tables. Raises KernelError."""
    found = _records(_GETROUTE, _RTMSG.pack(0, 0, 0, 0, 0, 0, 0, 0, 0))
    return [record for record in found if isinstance(record, RouteRecord)]


def route_feed() -> NetlinkFeed:
    """Changes of links, addresses, routes and forwarding. Raises KernelError."""
    return NetlinkFeed(NETLINK_ROUTE, _GROUPS)
