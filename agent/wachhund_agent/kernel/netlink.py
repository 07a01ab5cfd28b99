"""Netlink in general: messages and attributes of any family, dumps, and feeds of what the kernel multicasts.

Layouts: netlink(7). Which families and messages there are is in the modules that use it.
"""

import errno
import socket
import struct
from typing import Dict, Iterator, List, Optional, Tuple

from wachhund_agent.kernel.error import KernelError

NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER, NETLINK_GENERIC = 0, 4, 12, 16
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
FLAG_REQUEST = 1
KIND_ERROR = 2

_NLMSG_DONE = 3
_NLM_F_REQUEST_DUMP = 0x301
_NLM_F_DUMP_INTR = 0x10
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_RECEIVE_BYTES = 64 * 1024  # one read; the kernel fills at most 32 KiB a message batch
_FEED_BUFFER_BYTES = 1 << 20  # about 700 link changes between two reads
_READS = 512  # of one drain: a storm must not hold the loop
_DUMP_BYTES = 16 << 20  # of one dump, some 40,000 TCP sockets; a robot's are some KiB
_DUMP_TRIES = 3  # when the kernel says that the list changed while it was read
_TIMEOUT_S = 2.0  # the kernel answers within the call; 5,000 TCP sockets take 12 ms
_NESTED_BITS = 0x3FFF

_ATTRIBUTE = struct.Struct("=HH")

Message = Tuple[int, int, bytes]


def messages(data: bytes) -> Iterator[Message]:
    """Type, flags and body of each netlink message in one datagram."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, flags, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            return
        yield kind, flags, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def attribute_list(data: bytes, at: int = 0) -> Iterator[Tuple[int, bytes]]:
    """Number and value of each attribute, from an offset on; what is broken ends it."""
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            return
        yield kind & _NESTED_BITS, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes, at: int = 0) -> Dict[int, bytes]:
    """The same by number; of those that come twice the last."""
    return dict(attribute_list(data, at))


def number(value: Optional[bytes]) -> Optional[int]:
    """An unsigned number of the machine's byte order in 1, 2, 4 or 8 bytes, or None."""
    return int.from_bytes(value, "little") if value is not None and len(value) in (1, 2, 4, 8) else None


def error_name(body: bytes) -> str:
    """Which error a message of the type KIND_ERROR tells: `EPERM`. Raises struct.error when it tells none."""
    code = -struct.unpack_from("=i", body)[0]
    return errno.errorcode.get(code, str(code))


def pack_attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + b"\x00" * (-len(value) & 3)


def dump(protocol: int, kind: int, payload: bytes) -> List[Tuple[int, bytes]]:
    """Type and body of every message of one netlink dump. Raises KernelError."""
    for _ in range(_DUMP_TRIES - 1):
        found, interrupted = _dump_once(protocol, kind, payload)
        if not interrupted:
            return found
    return _dump_once(protocol, kind, payload)[0]


def _dump_once(protocol: int, kind: int, payload: bytes) -> Tuple[List[Tuple[int, bytes]], bool]:
    found: List[Tuple[int, bytes]] = []
    interrupted, room = False, _DUMP_BYTES
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as netlink:
            netlink.settimeout(_TIMEOUT_S)
            netlink.bind((0, 0))
            netlink.send(HEADER.pack(HEADER.size + len(payload), kind, _NLM_F_REQUEST_DUMP, 1, 0) + payload)
            while room > 0:
                data, sender = netlink.recvfrom(_RECEIVE_BYTES)
                if sender[0] != 0:
                    continue  # only the kernel is asked
                room -= len(data)
                for told, flags, body in messages(data):
                    interrupted = interrupted or bool(flags & _NLM_F_DUMP_INTR)
                    if told == _NLMSG_DONE:
                        return found, interrupted
                    if told == KIND_ERROR:
                        raise KernelError("netlink: dump refused: {}".format(error_name(body)))
                    found.append((told, body))
    except (OSError, struct.error) as error:
        raise KernelError("netlink: dump failed: {}".format(error)) from error
    raise KernelError("netlink: dump longer than {} bytes".format(_DUMP_BYTES))


class NetlinkFeed:
    """What the kernel multicasts to some groups. `lost`: times that its queue was full, each for an unknown number.

    `fd` is for a selector. `buffer_bytes`: of the queue; without CAP_NET_ADMIN it is as long as the machine allows.
    """

    def __init__(self, protocol: int, groups: Tuple[int, ...], buffer_bytes: int = _FEED_BUFFER_BYTES) -> None:
        """Raises KernelError when the kernel or our rights do not allow it."""
        self.lost = 0
        try:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._netlink = socket.socket(socket.AF_NETLINK, kind, protocol)
        except OSError as error:
            raise KernelError("netlink: no socket: {}".format(error)) from error
        try:
            self._widen(buffer_bytes)
            self._netlink.bind((0, 0))
            for group in groups:
                self._netlink.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
        except OSError as error:
            self._netlink.close()
            raise KernelError("netlink: events are not told: {}".format(error)) from error
        self.fd = self._netlink.fileno()

    def _widen(self, buffer_bytes: int) -> None:
        try:
            self._netlink.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        except OSError:  # only root may go beyond the machine's limit
            self._netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)

    def read(self) -> List[Tuple[int, bytes]]:
        """Type and body of what was told since the last call; never blocks. Raises KernelError when it broke."""
        found: List[Tuple[int, bytes]] = []
        for _ in range(_READS):
            try:
                data, sender = self._netlink.recvfrom(_RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise KernelError("netlink: feed broke: {}".format(error)) from error
                self.lost += 1
                continue
            if sender[0] == 0:  # a process can send here too
                found.extend((kind, body) for kind, _, body in messages(data))
        return found

    def close(self) -> None:
        self._netlink.close()
