"""The peers of a WireGuard interface, through generic netlink (needs CAP_NET_ADMIN).

Layout: <linux/wireguard.h> and <linux/genetlink.h>. The kernel hands out private and preshared keys with the rest:
they are never looked at, and a public key leaves this module only as the start of its hash.
"""

import hashlib
import socket
import struct
from typing import Dict, List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.netlink import NETLINK_GENERIC, attribute_list, attributes, dump, number, pack_attribute

PEERS_KEPT = 64  # a robot has one or a few; a hub would have more
ALLOWED_KEPT = 32  # of one peer
_FAMILIES = ((socket.AF_INET, 4), (socket.AF_INET6, 16))
_CONTROLLER = 0x10
_GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 3, 1, 2
_GET_DEVICE, _DEVICE_INDEX, _DEVICE_PEERS = 0, 1, 8
_KEY, _ENDPOINT, _HANDSHAKE, _RECEIVED, _SENT, _ALLOWED = 1, 4, 6, 7, 8, 9


class WireguardPeer(NamedTuple):
    """One peer. `name`: the first 8 hex digits of the SHA-256 of its public key. `endpoint`: where it was last heard.

    `handshake`: the wall clock's second of the last handshake, None when there was none. Bytes as this side counts.
    """

    name: str
    endpoint: Optional[Tuple[str, int]]
    allowed_ips: Tuple[str, ...]
    handshake: Optional[int]
    bytes_in: int
    bytes_out: int


def parse_endpoint(data: bytes) -> Optional[Tuple[str, int]]:
    """Address and port of a sockaddr_in or sockaddr_in6, or None."""
    if len(data) < 8:
        return None
    family, port = struct.unpack_from("=H", data)[0], int.from_bytes(data[2:4], "big")
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, data[4:8]), port
    if family == socket.AF_INET6 and len(data) >= 24:
        return socket.inet_ntop(socket.AF_INET6, data[8:24]), port
    return None


def _allowed(data: bytes) -> List[str]:
    found: List[str] = []
    for _, entry in attribute_list(data):
        parts = attributes(entry)
        family, raw, mask = number(parts.get(1)), parts.get(2, b""), number(parts.get(3))
        if family is not None and mask is not None and (family, len(raw)) in _FAMILIES:
            found.append("{}/{}".format(socket.inet_ntop(family, raw), mask))
    return found


def parse_peers(bodies: List[bytes]) -> List[WireguardPeer]:
    """The peers in the messages that answer WG_CMD_GET_DEVICE. A long list of networks goes on in the next message."""
    found: Dict[str, WireguardPeer] = {}
    for body in bodies:
        for _, entry in attribute_list(attributes(body, 4).get(_DEVICE_PEERS, b"")):
            parts = attributes(entry)
            if _KEY not in parts:
                continue
            name = hashlib.sha256(parts[_KEY]).hexdigest()[:8]
            known = found.get(name)
            if known is None and len(found) >= PEERS_KEPT:
                continue
            more = _allowed(parts.get(_ALLOWED, b""))
            if known is not None:
                found[name] = known._replace(allowed_ips=(known.allowed_ips + tuple(more))[:ALLOWED_KEPT])
                continue
            seconds = int.from_bytes(parts.get(_HANDSHAKE, b"")[:8], "little", signed=True)
            found[name] = WireguardPeer(
                name,
                parse_endpoint(parts.get(_ENDPOINT, b"")),
                tuple(more[:ALLOWED_KEPT]),
                seconds if seconds > 0 else None,
                number(parts.get(_RECEIVED)) or 0,
                number(parts.get(_SENT)) or 0,
            )
    return list(found.values())


def parse_family(body: bytes) -> Tuple[Optional[str], Optional[int]]:
    """Name and number of a generic netlink family, from CTRL_CMD_NEWFAMILY."""
    found = attributes(body, 4)
    name = found.get(_FAMILY_NAME)
    return None if name is None else name.rstrip(b"\x00").decode("ascii", "replace"), number(found.get(_FAMILY_ID))


def wireguard_family() -> Optional[int]:
    """WireGuard's number in generic netlink, None when this kernel has none loaded. Raises KernelError.

    All families are listed rather than this one asked for: that would load it.
    """
    for _, body in dump(NETLINK_GENERIC, _CONTROLLER, struct.pack("=BBH", _GET_FAMILY, 1, 0)):
        name, family = parse_family(body)
        if name == "wireguard":
            return family
    return None


def peers(index: int) -> List[WireguardPeer]:
    """The peers of the interface with this index. Raises KernelError, as without CAP_NET_ADMIN."""
    family = wireguard_family()
    if family is None:
        raise KernelError("wireguard: not in this kernel")
    request = struct.pack("=BBH", _GET_DEVICE, 1, 0) + pack_attribute(_DEVICE_INDEX, struct.pack("=I", index))
    return parse_peers([body for kind, body in dump(NETLINK_GENERIC, family, request) if kind == family])
