"""What sort of link a link is, in one word: the host knows a tunnel by that word alone."""

import os

from wachhund_agent.kernel.interface_files import read_number
from wachhund_agent.kernel.procfs import read_file
from wachhund_agent.kernel.rtnetlink import (
    HARDWARE_ETHERNET,
    HARDWARE_LOOPBACK,
    HARDWARE_NONE,
    HARDWARE_PPP,
    HARDWARE_RAW_IP,
    LinkRecord,
)
from wachhund_evidence import text

_KINDS = {
    "wireguard": "wireguard",
    "ppp": "ppp",
    "wwan": "wwan",
    "rmnet": "wwan",
    "bridge": "bridge",
    "veth": "veth",
}
_HARDWARE = {
    HARDWARE_LOOPBACK: "loopback",
    HARDWARE_PPP: "ppp",
    HARDWARE_RAW_IP: "wwan",
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
    if record.kind == "tun" or (record.kind is None and record.hardware == HARDWARE_NONE):
        return "tap" if record.hardware == HARDWARE_ETHERNET else "tun"
    if record.kind is None and record.hardware == HARDWARE_ETHERNET:
        named = [kind for start, kind in _NAMES if record.name.startswith(start)]
        return named[0] if named and not os.path.isdir(folder) else "ethernet"
    return "other"
