"""Which unix sockets are connected to which, by inode: sock_diag(7), <linux/unix_diag.h>."""

import socket
import struct
from typing import Dict

from wachhund_agent.kernel.netlink import NETLINK_SOCK_DIAG, attributes, dump, number
from wachhund_agent.kernel.sock_diag import BY_FAMILY

_UDIAG_SHOW_PEER = 4
_UNIX_DIAG_PEER = 2
_REQUEST = struct.Struct("=BBHIIIII")
_UNIX = struct.Struct("=BBBxIII")  # family, type, state, inode, cookie


def unix_peers() -> Dict[int, int]:
    """Inode of each connected unix socket -> inode of its other end, in the caller's network namespace.

    Raises KernelError. Any user may ask; needs unix_diag in the kernel (CONFIG_UNIX_DIAG).
    """
    request = _REQUEST.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _UDIAG_SHOW_PEER, 0xFFFFFFFF, 0xFFFFFFFF)
    peers: Dict[int, int] = {}
    for kind, body in dump(NETLINK_SOCK_DIAG, BY_FAMILY, request):
        if kind != BY_FAMILY or len(body) < _UNIX.size:
            continue
        peer = number(attributes(body, _UNIX.size).get(_UNIX_DIAG_PEER))
        if peer is not None:
            peers[_UNIX.unpack_from(body)[3]] = peer
    return peers
