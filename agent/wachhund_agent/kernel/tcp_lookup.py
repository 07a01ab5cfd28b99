"""Counters of single TCP sockets, each asked for by its addresses: cheaper than a dump while few are watched."""

import socket
import struct
from typing import Optional

from wachhund_agent.kernel.sock_diag import Endpoint, KernelError, TcpSocket, parse_socket

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_INET_DIAG_INFO = 2
_TIMEOUT_S = 1.0
_NLMSG = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI2s2s16s16sI8s")
_NO_COOKIE = b"\xff" * 8


class TcpLookup:
    """One netlink socket, kept open. Works as any user, in the namespace it was opened in."""

    def __init__(self) -> None:
        """Raises KernelError when the kernel refuses the netlink socket."""
        try:
            self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        except OSError as error:
            raise KernelError("sock_diag: no netlink socket: {}".format(error)) from error
        self._netlink.settimeout(_TIMEOUT_S)
        self._sequence = 0

    def find(self, local: Endpoint, remote: Endpoint, cookie: int = 0) -> Optional[TcpSocket]:
        """The socket with these ends, or None when there is none (any more). Raises KernelError.

        `cookie`, when not 0, must be the kernel's: another connection between the same ports is then not mistaken.
        """
        family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
        self._sequence = (self._sequence + 1) & 0x7FFFFFFF
        request = _REQUEST.pack(
            family,
            socket.IPPROTO_TCP,
            1 << (_INET_DIAG_INFO - 1),
            0xFFF,
            struct.pack("!H", local[1]),
            struct.pack("!H", remote[1]),
            socket.inet_pton(family, local[0]).ljust(16, b"\0"),
            socket.inet_pton(family, remote[0]).ljust(16, b"\0"),
            0,
            struct.pack("=Q", cookie) if cookie else _NO_COOKIE,
        )
        header = _NLMSG.pack(_NLMSG.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, self._sequence, 0)
        try:
            self._netlink.send(header + request)
            while True:
                data = self._netlink.recv(8192)
                length, kind, _, sequence, _ = _NLMSG.unpack_from(data)
                if sequence == self._sequence:
                    break
            if kind != _SOCK_DIAG_BY_FAMILY:
                return None
            return parse_socket(data[_NLMSG.size : length])
        except (OSError, struct.error) as error:
            raise KernelError("sock_diag: look-up failed: {}".format(error)) from error

    def close(self) -> None:
        self._netlink.close()
