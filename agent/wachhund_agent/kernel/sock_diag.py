"""TCP sockets as the kernel lists them: sock_diag(7) dumps with TCP_INFO, and the feed of sockets that closed.

Layouts mirror <linux/inet_diag.h>, <linux/sock_diag.h> and <linux/tcp.h>. Only sockets of the caller's own network
namespace are seen. A dump works as any user; owners (which process) are not part of it, only inode and uid.
"""

import socket
import struct
from typing import List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.netlink import NETLINK_SOCK_DIAG, NetlinkFeed, attributes, dump

BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY, of questions and of answers

_INET_DIAG_INFO = 2
_DESTROY_GROUPS = (1, 3)  # SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY
_FEED_BUFFER_BYTES = 4 << 20  # about 10,000 closes between two reads
_REQUEST = struct.Struct("=BBBxI48x")
_DIAG = struct.Struct("=BBBB2s2s16s16sI8sIIIII")  # family, state, timer, retrans, ports, addresses, if, cookie, ...

ESTABLISHED, SYN_SENT, SYN_RECV, LISTEN = 1, 2, 3, 10
STATES_LISTENING = 1 << LISTEN
STATES_CONNECTED = (1 << ESTABLISHED) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9)  # and the half-closed ones
STATES_ALL = 0xFFF

Endpoint = Tuple[str, int]


class TcpCounters(NamedTuple):
    """From TCP_INFO. Bytes are payload (`bytes_acked` also counts SYN and FIN); times are ms before the dump."""

    bytes_acked: int
    bytes_received: int
    bytes_sent: int
    last_data_sent_ms: int
    last_data_recv_ms: int


class TcpSocket(NamedTuple):
    """One TCP socket. `local`, `remote`: (address, port), IPv4-mapped IPv6 shown as IPv4. `cookie`: unique for a boot.

    `inode` is 0 once the owner has closed it.
    """

    family: int
    state: int
    local: Endpoint
    remote: Endpoint
    cookie: int
    uid: int
    inode: int
    info: Optional[TcpCounters]


def address_text(family: int, raw: bytes) -> str:
    """The text of an address in 4 or 16 raw bytes; IPv4-mapped IPv6 is shown as IPv4."""
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[:4])
    if raw[:12] == b"\x00" * 10 + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, raw[12:16])
    return socket.inet_ntop(socket.AF_INET6, raw[:16])


def _counters(data: bytes) -> Optional[TcpCounters]:
    if len(data) < 136:
        return None
    last_sent, _, last_recv = struct.unpack_from("=III", data, 44)
    acked, received = struct.unpack_from("=QQ", data, 120)
    # bytes_sent came with Linux 4.19; before it, what was acknowledged is the nearest fact.
    sent = struct.unpack_from("=Q", data, 200)[0] if len(data) >= 208 else acked
    return TcpCounters(acked, received, sent, last_sent, last_recv)


def parse_socket(data: bytes) -> TcpSocket:
    """One inet_diag_msg with its attributes. Raises struct.error when it is shorter than its fixed part."""
    family, state, _, _, sport, dport, src, dst, _, cookie, _, _, _, uid, inode = _DIAG.unpack_from(data)
    info = _counters(attributes(data, _DIAG.size).get(_INET_DIAG_INFO, b""))
    local = (address_text(family, src), int.from_bytes(sport, "big"))
    remote = (address_text(family, dst), int.from_bytes(dport, "big"))
    return TcpSocket(family, state, local, remote, int.from_bytes(cookie, "little"), uid, inode, info)


def dump_tcp(family: int, states: int = STATES_ALL, info: bool = True) -> List[TcpSocket]:
    """All TCP sockets of one address family in the caller's namespace. Raises KernelError.

    `states` is a bit mask by state number. Sockets bound to IPv4-mapped addresses come only under AF_INET6.
    """
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1) if info else 0, states)
    try:
        return [parse_socket(body) for kind, body in dump(NETLINK_SOCK_DIAG, BY_FAMILY, request) if kind == BY_FAMILY]
    except struct.error as error:
        raise KernelError("sock_diag: a socket is told in too few bytes: {}".format(error)) from error


class DestroyFeed:
    """Sockets that closed, each with its final counters, as the kernel multicasts them. `fd` is for a selector."""

    def __init__(self) -> None:
        """Raises KernelError when the kernel does not tell of them."""
        self._feed = NetlinkFeed(NETLINK_SOCK_DIAG, _DESTROY_GROUPS, _FEED_BUFFER_BYTES)
        self.fd = self._feed.fd

    @property
    def lost(self) -> int:
        """Times that the kernel's queue was full; each stands for an unknown number of sockets."""
        return self._feed.lost

    def read(self) -> List[TcpSocket]:
        """All that closed since the last call; never blocks. Raises KernelError when it broke."""
        told = self._feed.read()
        return [parse_socket(body) for kind, body in told if kind == BY_FAMILY and len(body) >= _DIAG.size]

    def close(self) -> None:
        self._feed.close()
