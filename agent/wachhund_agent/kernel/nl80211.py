"""Stations of this robot's own access points, from the kernel's wireless stack (nl80211): a list, and events.

Layouts: <linux/nl80211.h> and <linux/genetlink.h>. Needs no privilege; only interfaces of the caller's own network
namespace are told. Whatever made the access point (hostapd, wpa_supplicant, NetworkManager) is not asked.
"""

import struct
from typing import Dict, List, NamedTuple, Optional

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.netlink import (
    NETLINK_GENERIC,
    NetlinkFeed,
    attribute_list,
    attributes,
    dump,
    number,
    pack_attribute,
)

STATIONS_KEPT = 256  # of one interface; a robot's radio holds some ten
_CONTROLLER = 0x10
_GET_FAMILY, _FAMILY_ID, _FAMILY_NAME, _FAMILY_GROUPS = 3, 1, 2, 7
_GROUP_NAME, _GROUP_ID = 1, 2
_GET_INTERFACE, _NEW_INTERFACE, _GET_STATION, _NEW_STATION, _DEL_STATION = 5, 7, 17, 19, 20
_IFINDEX, _IFNAME, _IFTYPE, _MAC = 3, 4, 5, 6
_ACCESS_POINTS = (3, 9)  # NL80211_IFTYPE_AP, _P2P_GO
_STATION_GROUP = b"mlme"


class Family(NamedTuple):
    """nl80211's numbers in generic netlink: its own, and that of the group that hears of stations."""

    number: int
    group: int


class StationRecord(NamedTuple):
    """A station of an interface. `gone`: it left, or was sent away."""

    ifindex: int
    hardware: str
    gone: bool


def parse_family(body: bytes) -> Optional[Family]:
    """nl80211's numbers in CTRL_CMD_NEWFAMILY; None for any other family."""
    found = attributes(body, 4)
    own = number(found.get(_FAMILY_ID))
    if found.get(_FAMILY_NAME, b"").rstrip(b"\x00") != b"nl80211" or own is None:
        return None
    for _, entry in attribute_list(found.get(_FAMILY_GROUPS, b"")):
        parts = attributes(entry)
        group = number(parts.get(_GROUP_ID))
        if parts.get(_GROUP_NAME, b"").rstrip(b"\x00") == _STATION_GROUP and group is not None:
            return Family(own, group)
    return None


def parse_station(body: bytes) -> Optional[StationRecord]:
    """A station that came or left, or one of a list; None for anything else."""
    if len(body) < 4 or body[0] not in (_NEW_STATION, _DEL_STATION):
        return None
    found = attributes(body, 4)
    ifindex, raw = number(found.get(_IFINDEX)), found.get(_MAC, b"")
    if ifindex is None or len(raw) != 6:
        return None
    return StationRecord(ifindex, ":".join("{:02x}".format(byte) for byte in raw), body[0] == _DEL_STATION)


def parse_access_points(bodies: List[bytes]) -> Dict[int, str]:
    """Index and name of the interfaces that are access points, from a list of interfaces."""
    found: Dict[int, str] = {}
    for body in bodies:
        parts = attributes(body, 4) if body[:1] == bytes((_NEW_INTERFACE,)) else {}
        ifindex = number(parts.get(_IFINDEX))
        if ifindex is not None and number(parts.get(_IFTYPE)) in _ACCESS_POINTS:
            found[ifindex] = parts.get(_IFNAME, b"").rstrip(b"\x00").decode("utf-8", "backslashreplace")
    return found


def family() -> Family:
    """nl80211's numbers. Raises KernelError when this kernel has none loaded.

    All families are listed rather than this one asked for: that would load it.
    """
    for _, body in dump(NETLINK_GENERIC, _CONTROLLER, struct.pack("=BBH", _GET_FAMILY, 1, 0)):
        found = parse_family(body)
        if found is not None:
            return found
    raise KernelError("nl80211: not in this kernel")


class Wireless:
    """The list and the events. `fd` is for a selector; `lost`: times that the kernel's queue was full."""

    def __init__(self) -> None:
        """Raises KernelError."""
        self._family = family()
        self._feed = NetlinkFeed(NETLINK_GENERIC, (self._family.group,))
        self.fd = self._feed.fd

    @property
    def lost(self) -> int:
        return self._feed.lost

    def access_points(self) -> Dict[int, str]:
        """Raises KernelError."""
        asked = dump(NETLINK_GENERIC, self._family.number, struct.pack("=BBH", _GET_INTERFACE, 1, 0))
        return parse_access_points([body for kind, body in asked if kind == self._family.number])

    def stations(self, ifindex: int) -> List[StationRecord]:
        """Who is on an access point now. Raises KernelError."""
        request = struct.pack("=BBH", _GET_STATION, 1, 0) + pack_attribute(_IFINDEX, struct.pack("=I", ifindex))
        asked = dump(NETLINK_GENERIC, self._family.number, request)
        told = (parse_station(body) for kind, body in asked if kind == self._family.number)
        return [one for one in told if one is not None][:STATIONS_KEPT]

    def read(self) -> List[StationRecord]:
        """Who came and left since the last call; never blocks. Raises KernelError."""
        told = (parse_station(body) for kind, body in self._feed.read() if kind == self._family.number)
        return [one for one in told if one is not None]

    def close(self) -> None:
        self._feed.close()
