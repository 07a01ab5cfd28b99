"""What a message of RTPS says of who takes part in DDS, and so in ROS 2: its participants announce themselves. Pure.

OMG DDSI-RTPS 2.5: header 9.4.4, submessages 9.4.5, the announcements (SPDP) 9.6.2.2, ports 9.6.2.
"""

import struct
from typing import Dict, NamedTuple, Optional, Tuple

PORT_BASE, PORTS_A_DOMAIN = 7400, 250  # announcements go to 7400 + 250 * domain
_VENDORS = {
    0x0101: "RTI Connext DDS",
    0x0102: "ADLINK OpenSplice DDS",
    0x0103: "OCI OpenDDS",
    0x0106: "Twin Oaks CoreDX DDS",
    0x010F: "eProsima Fast DDS",
    0x0110: "Eclipse Cyclone DDS",
    0x0112: "RustDDS",
    0x0114: "S2E Dust DDS",
}
_HEADER = struct.Struct("!4sHH12s")
_SUBMESSAGE = struct.Struct("<BBH")
_SUBMESSAGES_READ = 32
_PARAMETERS_READ = 128
_INFO_SOURCE, _DATA = 0x0C, 0x15
_LITTLE, _INLINE_QOS, _DATA_PRESENT = 0x01, 0x02, 0x04
_SPDP_WRITER = b"\x00\x01\x00\xc2"
_END, _LEASE, _STATUS = 0x01, 0x02, 0x71
_GONE = 0x03  # disposed, or no longer written


class Announcement(NamedTuple):
    """One participant speaks of itself. `prefix`: the first 12 bytes of its GUID, as hex digits.

    `leaves`: it says good-bye. `lease_s`: for how long silence means nothing, None where it does not say.
    """

    prefix: str
    vendor: str
    leaves: bool
    lease_s: Optional[float]


def domain_of(port: int) -> Optional[int]:
    """The DDS domain whose announcements go to this port."""
    domain, rest = divmod(port - PORT_BASE, PORTS_A_DOMAIN)
    return domain if rest == 0 and 0 <= domain <= 232 else None


def parse_announcement(data: bytes) -> Optional[Announcement]:
    """The announcement in a UDP payload; None for any other message, or one that is cut short before it says so."""
    try:
        return _parse(data)
    except struct.error:
        return None


def _parse(data: bytes) -> Optional[Announcement]:
    magic, _, vendor, prefix = _HEADER.unpack_from(data)
    if magic != b"RTPS":
        return None
    at = _HEADER.size
    for _ in range(_SUBMESSAGES_READ):
        kind, flags, length = _SUBMESSAGE.unpack_from(data, at)
        order = "<" if flags & _LITTLE else ">"
        if order == ">":
            (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 4 + length] if length else data[at + 4 :]  # 0: to the end
        if kind == _INFO_SOURCE:
            _, _, vendor, prefix = struct.unpack_from("!IHH12s", body)
        elif kind == _DATA and body[8:12] == _SPDP_WRITER:
            leaves, lease = _read(body, flags, order)
            name = _VENDORS.get(vendor, "vendor {:#06x}".format(vendor))
            return Announcement(prefix.hex(), name, leaves, lease)
        if not length:
            return None
        at += 4 + length
    return None


def _read(body: bytes, flags: int, order: str) -> Tuple[bool, Optional[float]]:
    """Of a DATA submessage: whether it is a good-bye, and the lease that it names."""
    at = 4 + struct.unpack_from(order + "H", body, 2)[0]
    leaves = False
    if flags & _INLINE_QOS:
        found, at = _parameters(body, at, order)
        leaves = bool(found.get(_STATUS, b"\x00")[-1:] and found[_STATUS][-1] & _GONE) if _STATUS in found else False
    if not flags & _DATA_PRESENT:
        return leaves, None
    # The value begins with its own encoding: 0x0002 and 0x0003 are parameter lists, the second little-endian.
    encoding = struct.unpack_from(">H", body, at)[0]
    found, _ = _parameters(body, at + 4, "<" if encoding & 1 else ">")
    lease = found.get(_LEASE, b"")
    if len(lease) < 8:
        return leaves, None
    seconds, fraction = struct.unpack_from(("<" if encoding & 1 else ">") + "iI", lease)
    return leaves, max(0.0, seconds + fraction / 2.0**32)


def _parameters(body: bytes, at: int, order: str) -> Tuple[Dict[int, bytes], int]:
    """A list of parameters, and where it ends."""
    found: Dict[int, bytes] = {}
    for _ in range(_PARAMETERS_READ):
        kind, length = struct.unpack_from(order + "HH", body, at)
        at += 4
        if kind == _END:
            break
        found[kind & 0x3FFF] = body[at : at + min(length, 16)]
        at += length
    return found, at
