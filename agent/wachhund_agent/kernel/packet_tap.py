"""Headers of packets that cross this network namespace: a packet socket with a filter that runs in the kernel.

packet(7), cooked (SOCK_DGRAM): a packet begins with its IP header on every kind of interface. Classic BPF after
<linux/filter.h>. Needs CAP_NET_RAW. Nothing wakes for a packet: whoever owns the tap reads when it is due.
"""

import ctypes
import socket
import struct
from typing import List, NamedTuple, Sequence, Tuple

from wachhund_agent.kernel.error import KernelError

BUFFER_BYTES = 4 << 20  # some 5,000 small packets between two reads
_SO_RCVBUFFORCE, _SO_ATTACH_FILTER = 33, 26
_BEFORE_THE_FILTER = 100_000  # more than the buffer holds
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_ETH_P_ALL = 3
_ETHER_V4, _ETHER_V6 = 0x0800, 0x86DD
_PKTTYPE_OUTGOING = 4
_TCP, _IGMP, _UDP, _ICMP6 = 6, 2, 17, 58
_AD = 0xFFFFF000  # SKF_AD_OFF: ancillary data; +0 is the ethertype

# Opcodes of classic BPF: load word/half/byte absolute, load half at X+k, X = header length, compare, return.
_LD_W, _LD_B, _LD_H_X, _LDX_IHL, _JEQ, _JGE, _RET, _LDX_IMM = 0x20, 0x30, 0x48, 0xB1, 0x15, 0x35, 0x06, 0x01
_LD_B_X, _JSET = 0x50, 0x45
_LD_W_X, _SUB, _MOD = 0x40, 0x14, 0x94  # _MOD: Linux 3.7
_RTPS = int.from_bytes(b"RTPS", "big")

Step = Tuple[int, int, int, int]


class Captured(NamedTuple):
    """The start of one packet. `ethertype`: 0x0800 or 0x86DD. `outgoing`: this machine sent it."""

    data: bytes
    ethertype: int
    interface: str
    outgoing: bool


def not_tcp(snap: int) -> List[Step]:
    """Keep IP packets that are neither TCP nor IGMP, nor IPv6's neighbour discovery."""
    return [
        (_LD_W, 0, 0, _AD),
        (_JEQ, 0, 4, _ETHER_V4),
        (_LD_B, 0, 0, 9),
        (_JEQ, 8, 0, _TCP),
        (_JEQ, 7, 0, _IGMP),
        (_JEQ, 5, 5, 0xFFFF),  # never: on to "keep"
        (_JEQ, 0, 5, _ETHER_V6),
        (_LD_B, 0, 0, 6),
        (_JEQ, 3, 0, _TCP),
        (_JEQ, 2, 0, 0),  # hop-by-hop options: multicast listener reports
        (_JEQ, 2, 0, _ICMP6),
        (_RET, 0, 0, snap),
        (_RET, 0, 0, 0),
        (_LD_B, 0, 0, 40),
        (_JGE, 0, 1, 133),
        (_JGE, 0, 1, 138),
        (_RET, 0, 0, snap),
        (_RET, 0, 0, 0),
    ]


def port_53(snap: int) -> List[Step]:
    """Keep UDP from or to port 53."""
    return [
        (_LD_W, 0, 0, _AD),
        (_JEQ, 0, 4, _ETHER_V4),
        (_LD_B, 0, 0, 9),
        (_JEQ, 0, 9, _UDP),
        (_LDX_IHL, 0, 0, 0),
        (_JEQ, 4, 4, 0xFFFF),  # never: on to the ports
        (_JEQ, 0, 6, _ETHER_V6),
        (_LD_B, 0, 0, 6),
        (_JEQ, 0, 4, _UDP),
        (_LDX_IMM, 0, 0, 40),
        (_LD_H_X, 0, 0, 0),
        (_JEQ, 2, 0, 53),
        (_LD_H_X, 0, 0, 2),
        (_JEQ, 0, 1, 53),
        (_RET, 0, 0, snap),
        (_RET, 0, 0, 0),
    ]


def tcp_edges_and_datagrams(snap: int) -> List[Step]:
    """Keep TCP packets that begin or end a connection (SYN, FIN, RST), and all of UDP."""
    return [
        (_LD_W, 0, 0, _AD),
        (_JEQ, 0, 4, _ETHER_V4),
        (_LDX_IHL, 0, 0, 0),
        (_LD_B, 0, 0, 9),
        (_JEQ, 5, 0, _TCP),
        (_JEQ, 8, 6, _UDP),
        (_JEQ, 0, 6, _ETHER_V6),
        (_LDX_IMM, 0, 0, 40),
        (_LD_B, 0, 0, 6),
        (_JEQ, 0, 2, _TCP),
        (_LD_B_X, 0, 0, 13),
        (_JSET, 2, 1, 0x07),
        (_JEQ, 1, 0, _UDP),
        (_RET, 0, 0, 0),
        (_RET, 0, 0, snap),
    ]


def rtps_announcements(snap: int) -> List[Step]:
    """Keep messages of RTPS by IPv4 to a multicast group at a port of announcements: 7400 and each 250 beyond."""
    return [
        (_LD_W, 0, 0, _AD),
        (_JEQ, 0, 14, _ETHER_V4),
        (_LD_B, 0, 0, 9),
        (_JEQ, 0, 12, _UDP),
        (_LD_B, 0, 0, 16),  # the group's first byte
        (_JGE, 0, 10, 224),
        (_JGE, 9, 0, 240),
        (_LDX_IHL, 0, 0, 0),
        (_LD_H_X, 0, 0, 2),
        (_JGE, 0, 6, 7400),
        (_SUB, 0, 0, 7400),
        (_MOD, 0, 0, 250),
        (_JEQ, 0, 3, 0),
        (_LD_W_X, 0, 0, 8),
        (_JEQ, 0, 1, _RTPS),
        (_RET, 0, 0, snap),
        (_RET, 0, 0, 0),
    ]


class PacketTap:
    """`dropped`: packets that found the buffer full, from the kernel's own count."""

    def __init__(self, program: Sequence[Step], snap: int) -> None:
        """Raises KernelError."""
        self._snap = snap
        self.dropped = 0
        try:
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            self._socket = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
        except OSError as error:
            raise KernelError("packet socket: {}".format(error)) from error
        try:
            steps = b"".join(struct.pack("=HBBI", *step) for step in program)
            held = ctypes.create_string_buffer(steps)
            header = struct.pack("@HP", len(program), ctypes.addressof(held))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
            self._empty()  # of what came in before the filter stood
        except OSError as error:
            self._socket.close()
            raise KernelError("packet socket: {}".format(error)) from error

    def _empty(self) -> None:
        for _ in range(_BEFORE_THE_FILTER):
            try:
                self._socket.recv(1)
            except OSError:
                return

    def read(self, most: int) -> List[Captured]:
        """At most so many packets since the last call; never blocks. Raises KernelError."""
        found: List[Captured] = []
        for _ in range(most):
            try:
                data, place = self._socket.recvfrom(self._snap)
            except BlockingIOError:
                break
            except OSError as error:  # the interface went down: what is queued still comes
                if error.errno == 100:
                    continue
                raise KernelError("packet socket: {}".format(error)) from error
            outgoing = place[2] == _PKTTYPE_OUTGOING
            if not (outgoing and place[0] == "lo"):  # loopback shows each packet twice
                found.append(Captured(data, place[1], place[0], outgoing))
        self.dropped += struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
        return found

    def close(self) -> None:
        self._socket.close()
