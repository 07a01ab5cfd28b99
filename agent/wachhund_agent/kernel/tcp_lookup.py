"""Counters of single TCP sockets, each asked for by its addresses: cheaper than a dump while few are watched."""

import socket
import struct
from typing import List, NamedTuple, Optional, Sequence, Tuple

from wachhund_agent.kernel import clock
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.netlink import FLAG_REQUEST, HEADER, NETLINK_SOCK_DIAG
from wachhund_agent.kernel.sock_diag import BY_FAMILY, Endpoint, TcpSocket, parse_socket

_INET_DIAG_INFO = 2
_TIMEOUT_S = 1.0
_REQUEST = struct.Struct("=BBBxI2s2s16s16sI8s")
_NO_COOKIE = b"\xff" * 8
_BATCH = 32  # answers that wait in the socket's buffer, of 208 KiB, some 1.3 KiB each


class Asked(NamedTuple):
    """A socket by its ends. `cookie`, when not 0, must be the kernel's: so another connection between the same ports
    is not mistaken for it."""

    local: Endpoint
    remote: Endpoint
    cookie: int = 0


class TcpLookup:
    """One netlink socket, kept open. Works as any user, in the namespace it was opened in."""

    def __init__(self) -> None:
        """Raises KernelError when the kernel refuses the netlink socket."""
        try:
            self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        except OSError as error:
            raise KernelError("sock_diag: no netlink socket: {}".format(error)) from error
        self._netlink.settimeout(_TIMEOUT_S)
        self._sequence = 0

    def find(self, asked: Sequence[Asked]) -> Tuple[float, List[Optional[TcpSocket]]]:
        """The moment (monotonic seconds) and, in the order asked, each socket as it was then; None for one gone.

        Raises KernelError. The kernel answers a batch within one call of ours. Asked one by one, another program
        may run in between, and of two sockets it would no longer be clear which one moved first.
        """
        found: List[Optional[TcpSocket]] = []
        moment = clock.mono()
        for at in range(0, len(asked), _BATCH):
            moment, answers = self._ask(asked[at : at + _BATCH])
            found.extend(answers)
        return moment, found

    def _ask(self, asked: Sequence[Asked]) -> Tuple[float, List[Optional[TcpSocket]]]:
        first = self._sequence + 1
        self._sequence = (self._sequence + len(asked)) & 0x3FFFFFFF
        requests = b"".join(_request(first + place, one) for place, one in enumerate(asked))
        found: List[Optional[TcpSocket]] = [None] * len(asked)
        try:
            self._netlink.send(requests)
            moment = clock.mono()
            missing = set(range(len(asked)))
            while missing:
                data = self._netlink.recv(8192)
                length, kind, _, sequence, _ = HEADER.unpack_from(data)
                place = sequence - first
                if place in missing:  # else it answers a batch that timed out
                    missing.discard(place)
                    found[place] = parse_socket(data[HEADER.size : length]) if kind == BY_FAMILY else None
        except (OSError, struct.error) as error:
            raise KernelError("sock_diag: look-up failed: {}".format(error)) from error
        return moment, found

    def close(self) -> None:
        self._netlink.close()


def _request(sequence: int, asked: Asked) -> bytes:
    family = socket.AF_INET6 if ":" in asked.local[0] else socket.AF_INET
    request = _REQUEST.pack(
        family,
        socket.IPPROTO_TCP,
        1 << (_INET_DIAG_INFO - 1),
        0xFFF,
        struct.pack("!H", asked.local[1]),
        struct.pack("!H", asked.remote[1]),
        socket.inet_pton(family, asked.local[0]).ljust(16, b"\0"),
        socket.inet_pton(family, asked.remote[0]).ljust(16, b"\0"),
        0,
        struct.pack("=Q", asked.cookie) if asked.cookie else _NO_COOKIE,
    )
    return HEADER.pack(HEADER.size + len(request), BY_FAMILY, FLAG_REQUEST, sequence, 0) + request
