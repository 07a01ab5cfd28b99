"""What a Bluetooth controller and the kernel say to each other: the monitor channel of Linux's HCI sockets.

Header of a frame after <net/bluetooth/hci_mon.h> and BlueZ's doc/btsnoop-protocol: opcode, controller, length, each two
bytes, little-endian; HCI packets after the Bluetooth Core Specification, volume 4 part E. Needs CAP_NET_RAW, and the
first network namespace. A filter that runs in the kernel lets through what somebody may need to know, and cuts keys off
before anybody here has them.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from wachhund_agent.kernel.error import KernelError

FRAME_BYTES = 600  # a whole attribute (512 bytes) with its headers; what is longer is cut
BUFFER_BYTES = 256 * 1024
DELETED_INDEX, EVENT, ACL_SENT, ACL_RECEIVED, CLOSED_INDEX = 1, 3, 4, 5, 9
_AF_BLUETOOTH, _BTPROTO_HCI, _HCI_DEV_NONE, _HCI_CHANNEL_MONITOR = 31, 1, 0xFFFF, 2
_SO_RCVBUFFORCE, _SO_ATTACH_FILTER, _SO_MEMINFO = 33, 26, 55
_MEMINFO_DROPS = 8  # its place among the u32 of SO_MEMINFO, <linux/sock_diag.h>
_HEADER = struct.Struct("<HHH")
_CONNECTION = struct.Struct("=H6sBBHI")  # hci_conn_info: handle, address, type, out, state, mode
_HCIGETDEVLIST, _HCIGETCONNLIST = 0x800448D2, 0x800448D4
_CONTROLLERS_KEPT, _LINKS_KEPT = 16, 32
_ACL_LINK, _LE_LINK = 0x01, 0x80
_CLASS = Path("/sys/class/bluetooth")  # there when the kernel's Bluetooth is
_ADDRESS = struct.Struct("=HHH")  # sockaddr_hci: family, controller, channel

# Opcodes of classic BPF (<linux/filter.h>): load half/byte, and, equal, return. Loads are big-endian.
_LD_H, _LD_B, _AND, _JEQ, _RET = 0x28, 0x30, 0x54, 0x15, 0x06

# HCI events, LE subevents and attribute operations that pass: Core Specification, volume 4 part E 7.7, volume 3 part F.
CONNECTED, REQUESTED, DISCONNECTED, ENCRYPTED = 0x03, 0x04, 0x05, 0x08
LINK_KEY, SIMPLY_PAIRED, LE_META = 0x18, 0x36, 0x3E
EVENTS_KEPT = (CONNECTED, REQUESTED, DISCONNECTED, ENCRYPTED, SIMPLY_PAIRED)
LE_CONNECTED = (0x01, 0x0A, 0x29)  # plain, enhanced, enhanced again
WRITE, WRITE_UNANSWERED, WRITE_SIGNED, WRITE_PREPARED = 0x12, 0x52, 0xD2, 0x16
BY_TYPE_ASKED, BY_TYPE_TOLD, INFORMATION = 0x08, 0x09, 0x05
ATT_KEPT = (
    *(WRITE, WRITE_UNANSWERED, WRITE_SIGNED, WRITE_PREPARED),
    *(BY_TYPE_ASKED, BY_TYPE_TOLD, INFORMATION),
)

_Line = Tuple[int, int, str, str]


class Frame(NamedTuple):
    """One frame. `controller`: 0 is hci0. `data`: the packet after the monitor's header."""

    opcode: int
    controller: int
    data: bytes


class Standing(NamedTuple):
    """A connection that stood before we came. `address`: 6 bytes as they travel. `out`: this robot called."""

    controller: int
    handle: int
    address: bytes
    is_le: bool
    out: bool


def parse_frame(data: bytes) -> Optional[Frame]:
    """One frame as the kernel hands it out; None for what is shorter than its header. A cut packet is kept."""
    if len(data) < _HEADER.size:
        return None
    opcode, index, length = _HEADER.unpack_from(data)
    return Frame(opcode, index, data[_HEADER.size : _HEADER.size + length])


def _any_of(codes: Sequence[int], then: str) -> List[Union[str, _Line]]:
    return [(_JEQ, code, then, "") for code in codes]


# An entry is a label, or an opcode, its number, and where to go if it holds and if not ("" is the next one).
_PROGRAM: List[Union[str, _Line]] = [
    (_LD_H, 0, "", ""),
    (_JEQ, EVENT << 8, "event", ""),
    *_any_of((ACL_RECEIVED << 8, ACL_SENT << 8), "acl"),
    *_any_of((DELETED_INDEX << 8, CLOSED_INDEX << 8), "keep"),
    (_RET, 0, "", ""),
    "event",
    (_LD_B, 6, "", ""),
    *_any_of(EVENTS_KEPT, "keep"),
    (_JEQ, LINK_KEY, "key", ""),
    (_JEQ, LE_META, "", "drop"),
    (_LD_B, 8, "", ""),
    *_any_of(LE_CONNECTED, "keep"),
    (_RET, 0, "", ""),
    "acl",
    (_LD_B, 7, "", ""),
    (_AND, 0x30, "", ""),
    (_JEQ, 0x10, "keep", ""),  # a later piece of a packet
    (_LD_H, 12, "", ""),  # the channel of L2CAP
    (_JEQ, 0x0600, "smp", ""),
    (_JEQ, 0x0400, "", "drop"),
    (_LD_B, 14, "", ""),
    *_any_of(ATT_KEPT, "keep"),
    "drop",
    (_RET, 0, "", ""),
    "keep",
    (_RET, FRAME_BYTES, "", ""),
    "key",
    (_RET, 14, "", ""),
    "smp",
    (_RET, 15, "", ""),
]


def wanted() -> bytes:
    """The filter: keeps connections, pairings, what is written to attributes and how they are named; nothing else.

    Of a new link key only whose it is passes, and of the pairing protocol (SMP) only the kind of message: the keys in
    them stay in the kernel. Later pieces of a packet pass unseen, for a filter has no memory.
    """
    places: Dict[str, int] = {}
    lines: List[_Line] = []
    for entry in _PROGRAM:
        if isinstance(entry, str):
            places[entry] = len(lines)
        else:
            lines.append(entry)
    return b"".join(
        struct.pack("=HBBI", code, *(places[where] - at - 1 if where else 0 for where in (yes, no)), number)
        for at, (code, number, yes, no) in enumerate(lines)
    )


def attach(receiver: socket.socket) -> None:
    """Let the filter stand before a socket. Raises OSError."""
    steps = wanted()
    held = ctypes.create_string_buffer(steps)
    header = struct.pack("@HP", len(steps) // 8, ctypes.addressof(held))
    receiver.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


def open_channel() -> socket.socket:
    """The kernel's monitor channel, with the filter before it. Raises KernelError."""
    if not _CLASS.is_dir():
        raise KernelError("no Bluetooth in this kernel, or not loaded")  # a socket of that family would load it
    try:
        receiver = socket.socket(_AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _BTPROTO_HCI)
    except OSError as error:
        raise KernelError("no Bluetooth in this network namespace ({})".format(error)) from error
    try:
        attach(receiver)
        _bind(receiver)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
    except OSError as error:
        receiver.close()
        raise KernelError("Bluetooth's monitor channel needs CAP_NET_RAW ({})".format(error)) from error
    return receiver


def _bind(receiver: socket.socket) -> None:
    # Python's own bind knows no channels before 3.14.
    libc = ctypes.CDLL(None, use_errno=True)
    address = _ADDRESS.pack(_AF_BLUETOOTH, _HCI_DEV_NONE, _HCI_CHANNEL_MONITOR)
    if libc.bind(receiver.fileno(), address, len(address)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def connections() -> List[Standing]:
    """The connections of all controllers that stand now; none where the kernel does not say."""
    found: List[Standing] = []
    try:
        with socket.socket(_AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _BTPROTO_HCI) as asking:
            listed = bytearray(struct.pack("=H", _CONTROLLERS_KEPT) + bytes(2 + 8 * _CONTROLLERS_KEPT))
            fcntl.ioctl(asking, _HCIGETDEVLIST, listed)
            for number in range(min(_CONTROLLERS_KEPT, struct.unpack_from("=H", listed)[0])):
                index = struct.unpack_from("=H", listed, 4 + 8 * number)[0]
                answer = bytearray(struct.pack("=HH", index, _LINKS_KEPT) + bytes(_CONNECTION.size * _LINKS_KEPT))
                fcntl.ioctl(asking, _HCIGETCONNLIST, answer)
                found += parse_connections(bytes(answer))
    except OSError:
        return found
    return found


def parse_connections(data: bytes) -> List[Standing]:
    """The answer to HCIGETCONNLIST (struct hci_conn_list_req, <net/bluetooth/hci_sock.h>), without voice links."""
    found: List[Standing] = []
    if len(data) < 4:
        return found
    index, count = struct.unpack_from("=HH", data)
    for at in range(4, min(len(data), 4 + count * _CONNECTION.size) - _CONNECTION.size + 1, _CONNECTION.size):
        handle, address, kind, out, _, _ = _CONNECTION.unpack_from(data, at)
        if kind in (_ACL_LINK, _LE_LINK):
            found.append(Standing(index, handle, address, kind == _LE_LINK, bool(out)))
    return found


class HciMonitor:
    """`fd` is for a selector. `receiver`: a socket of one's own that speaks the same, for tests."""

    def __init__(self, receiver: Optional[socket.socket] = None) -> None:
        """Raises KernelError when the kernel or our rights do not allow it."""
        self._socket = receiver or open_channel()
        self._socket.setblocking(False)
        self.fd = self._socket.fileno()

    def read(self, most: int) -> List[Frame]:
        """At most so many frames since the last call; never blocks. Raises KernelError when it broke."""
        found: List[Frame] = []
        for _ in range(most):
            try:
                frame = parse_frame(self._socket.recv(FRAME_BYTES))
            except BlockingIOError:
                break
            except OSError as error:
                raise KernelError("Bluetooth's monitor channel broke: {}".format(error)) from error
            if frame is not None:
                found.append(frame)
        return found

    def dropped(self) -> int:
        """Frames that found the buffer full, from the kernel's own count (Linux 4.12; 0 before)."""
        try:
            counts = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64)
        except OSError:
            return 0
        at = 4 * _MEMINFO_DROPS
        return int(struct.unpack_from("=I", counts, at)[0]) if len(counts) >= at + 4 else 0

    def close(self) -> None:
        self._socket.close()
