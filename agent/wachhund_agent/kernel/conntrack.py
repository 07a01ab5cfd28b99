"""Where the kernel leads a connection whose addresses it rewrites (NAT): its own table of connections, asked for one.

NETLINK_NETFILTER, IPCTNL_MSG_CT_GET; layout: <linux/netfilter/nfnetlink_conntrack.h>. One question is one system call
that the kernel answers at once, however long the table is; nothing is subscribed and nothing of the firewall changes.
Needs CAP_NET_ADMIN.
"""

import socket
import struct
from typing import Dict, NamedTuple, Optional, Tuple

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.interface_files import read_number
from wachhund_agent.kernel.netlink import (
    FLAG_REQUEST,
    HEADER,
    KIND_ERROR,
    NETLINK_NETFILTER,
    attributes,
    error_name,
    messages,
    pack_attribute,
)

Endpoint = Tuple[str, int]
_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
_CT_NEW, _CT_GET = 0x100, 0x101
_NESTED = 0x8000
_ORIGINAL, _REPLY = 1, 2
_PROTOCOLS = {"tcp": 6, "udp": 17}
_ADDRESS_AT = {socket.AF_INET: (1, 2), socket.AF_INET6: (3, 4)}  # attributes of source and target
_RECEIVE_BYTES = 8192
_STALE = 8  # answers to earlier questions that are passed over


class Translated(NamedTuple):
    """A connection as the kernel tracks it: what whoever began it sent, and what the answers to it carry."""

    source: Endpoint
    target: Endpoint
    reply_source: Endpoint
    reply_target: Endpoint


def is_tracking(path: str = _COUNT) -> bool:
    """Does the kernel track connections of this network namespace? Asking it unasked would load its module."""
    return bool(read_number(path))


class Conntrack:
    """The kernel's table of connections. Its socket is opened by the first question."""

    def __init__(self) -> None:
        self._socket: Optional[socket.socket] = None
        self._sequence = 0

    def find(self, proto: str, source: Endpoint, target: Endpoint) -> Optional[Translated]:
        """The connection that a packet between these ends belongs to; None when none is tracked.

        `proto`: "tcp" or "udp", others are not asked for. Raises KernelError, as without CAP_NET_ADMIN.
        """
        if proto not in _PROTOCOLS:
            return None
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        request = _question(proto, source, target)
        header = HEADER.pack(HEADER.size + len(request), _CT_GET, FLAG_REQUEST, self._sequence, 0)
        try:
            if self._socket is None:
                kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
                self._socket = socket.socket(socket.AF_NETLINK, kind, NETLINK_NETFILTER)
                self._socket.bind((0, 0))
            self._socket.send(header + request)
            for _ in range(_STALE):
                data, sender = self._socket.recvfrom(_RECEIVE_BYTES)  # the kernel answers within send()
                if sender[0] == 0 and len(data) >= HEADER.size and HEADER.unpack_from(data)[3] == self._sequence:
                    return _answer(data)
        except (OSError, struct.error) as error:
            self.close()
            raise KernelError("conntrack: {}".format(error)) from error
        raise KernelError("conntrack: no answer")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _question(proto: str, source: Endpoint, target: Endpoint) -> bytes:
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    from_at, to_at = _ADDRESS_AT[family]
    addresses = pack_attribute(from_at, socket.inet_pton(family, source[0]))
    addresses += pack_attribute(to_at, socket.inet_pton(family, target[0]))
    ports = pack_attribute(1, bytes([_PROTOCOLS[proto]]))
    ports += pack_attribute(2, struct.pack("!H", source[1])) + pack_attribute(3, struct.pack("!H", target[1]))
    both = pack_attribute(1 | _NESTED, addresses) + pack_attribute(2 | _NESTED, ports)
    return bytes([family, 0, 0, 0]) + pack_attribute(_ORIGINAL | _NESTED, both)


def _answer(data: bytes) -> Optional[Translated]:
    for kind, _, body in messages(data):
        if kind == KIND_ERROR:
            name = error_name(body)
            if name == "ENOENT":
                return None
            raise KernelError("conntrack: refused: {}".format(name))
        if kind == _CT_NEW:
            return parse(body)
    return None


def parse(body: bytes) -> Optional[Translated]:
    """What one message of the table says; None when it is broken."""
    found = attributes(body, 4)
    original, reply = _ends(found.get(_ORIGINAL, b"")), _ends(found.get(_REPLY, b""))
    return None if original is None or reply is None else Translated(*original, *reply)


class _Ends(NamedTuple):
    source: Endpoint
    target: Endpoint


def _ends(data: bytes) -> Optional[_Ends]:
    both = attributes(data)
    addresses, ports = attributes(both.get(1, b"")), attributes(both.get(2, b""))
    if len(ports.get(2, b"")) != 2 or len(ports.get(3, b"")) != 2:
        return None
    for family, places in _ADDRESS_AT.items():
        raw = [addresses.get(place, b"") for place in places]
        if all(len(one) == (4 if family == socket.AF_INET else 16) for one in raw):
            named = [socket.inet_ntop(family, one) for one in raw]
            return _Ends((named[0], _port(ports, 2)), (named[1], _port(ports, 3)))
    return None


def _port(ports: Dict[int, bytes], at: int) -> int:
    return int(struct.unpack("!H", ports[at])[0])
