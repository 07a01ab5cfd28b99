"""TCP sockets as the kernel lists them: sock_diag(7) dumps with TCP_INFO, and the feed of sockets that closed.

Layouts mirror <linux/inet_diag.h>, <linux/sock_diag.h> and <linux/tcp.h>. Only sockets of the caller's own network
namespace are seen. A dump works as any user; owners (which process) are not part of it, only inode and uid.
"""

import errno
import socket
import struct
from typing import Iterator, List, NamedTuple, Optional, Tuple

from wachhund_evidence import WachhundError

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST_DUMP = 0x301
_INET_DIAG_INFO = 2
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP = 270, 1
_DESTROY_GROUPS = (1, 3)  # SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY
_SO_RCVBUFFORCE = 33
_RECEIVE_BYTES = 1 << 16  # one read; the kernel fills at most 32 KiB a message batch
_FEED_BUFFER_BYTES = 4 << 20  # about 10,000 closes between two reads
_TIMEOUT_S = 2.0  # a dump of 5,000 sockets takes 12 ms

_NLMSG = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
_DIAG = struct.Struct("=BBBB2s2s16s16sI8sIIIII")  # family, state, timer, retrans, ports, addresses, if, cookie, ...
_ATTRIBUTE = struct.Struct("=HH")

ESTABLISHED, SYN_SENT, SYN_RECV, LISTEN = 1, 2, 3, 10
STATES_LISTENING = 1 << LISTEN
STATES_CONNECTED = (1 << ESTABLISHED) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9)  # and the half-closed ones
STATES_ALL = 0xFFF

Endpoint = Tuple[str, int]


class KernelError(WachhundError):
    """A kernel interface does not answer as it should; the sensor above states what it cannot see."""


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
    info = None
    at = _DIAG.size
    while at + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4:
            break
        if kind == _INET_DIAG_INFO:
            info = _counters(data[at + 4 : at + length])
        at += (length + 3) & ~3
    local = (address_text(family, src), int.from_bytes(sport, "big"))
    remote = (address_text(family, dst), int.from_bytes(dport, "big"))
    return TcpSocket(family, state, local, remote, int.from_bytes(cookie, "little"), uid, inode, info)


def _messages(data: bytes) -> Iterator[Tuple[int, bytes]]:
    at = 0
    while at + _NLMSG.size <= len(data):
        length, kind, _, _, _ = _NLMSG.unpack_from(data, at)
        if length < _NLMSG.size:
            return
        yield kind, data[at + _NLMSG.size : at + length]
        at += (length + 3) & ~3


def dump_tcp(family: int, states: int = STATES_ALL, info: bool = True) -> List[TcpSocket]:
    """All TCP sockets of one address family in the caller's namespace. Raises KernelError.

    `states` is a bit mask by state number. Sockets bound to IPv4-mapped addresses come only under AF_INET6.
    """
    found: List[TcpSocket] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
            netlink.settimeout(_TIMEOUT_S)
            request = _REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1) if info else 0, states)
            header = _NLMSG.pack(_NLMSG.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0)
            netlink.send(header + request)
            while True:
                for kind, body in _messages(netlink.recv(_RECEIVE_BYTES)):
                    if kind == _NLMSG_DONE:
                        return found
                    if kind == _NLMSG_ERROR:
                        code = -struct.unpack_from("=i", body)[0]
                        raise KernelError("sock_diag: dump refused: {}".format(errno.errorcode.get(code, str(code))))
                    if kind == _SOCK_DIAG_BY_FAMILY:
                        found.append(parse_socket(body))
    except (OSError, struct.error) as error:
        raise KernelError("sock_diag: dump failed: {}".format(error)) from error


class DestroyFeed:
    """Sockets that closed, each with its final counters, as the kernel multicasts them (needs CAP_NET_ADMIN).

    `lost` counts the times that the kernel's queue was full; each stands for an unknown number of sockets.
    """

    def __init__(self) -> None:
        """Raises KernelError when the kernel or our rights do not allow it."""
        self.lost = 0
        try:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._netlink = socket.socket(socket.AF_NETLINK, kind, _NETLINK_SOCK_DIAG)
        except OSError as error:
            raise KernelError("sock_diag: no netlink socket: {}".format(error)) from error
        try:
            self._netlink.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _FEED_BUFFER_BYTES)
            self._netlink.bind((0, 0))
            for group in _DESTROY_GROUPS:
                self._netlink.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
        except OSError as error:
            self._netlink.close()
            raise KernelError("sock_diag: closed sockets are not told: {}".format(error)) from error

    @property
    def fd(self) -> int:
        """For a selector."""
        return self._netlink.fileno()

    def read(self) -> List[TcpSocket]:
        """All that closed since the last call; never blocks."""
        closed: List[TcpSocket] = []
        while True:
            try:
                data = self._netlink.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return closed
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise KernelError("sock_diag: feed broke: {}".format(error)) from error
                self.lost += 1
                continue
            for kind, body in _messages(data):
                if kind == _SOCK_DIAG_BY_FAMILY and len(body) >= _DIAG.size:
                    closed.append(parse_socket(body))

    def close(self) -> None:
        self._netlink.close()
