"""Which unix sockets are connected to which, by inode: sock_diag(7), <linux/unix_diag.h>."""

import errno
import socket
import struct
from typing import Dict, Iterator, Tuple

from wachhund_agent.kernel.sock_diag import KernelError

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST_DUMP = 0x301
_UDIAG_SHOW_PEER = 4
_UNIX_DIAG_PEER = 2
_TIMEOUT_S = 2.0
_MAX_SOCKETS = 20000  # a desktop has some 1,500; more than this is not read
_NLMSG = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBHIIIII")
_UNIX = struct.Struct("=BBBxIII")  # family, type, state, inode, cookie
_ATTRIBUTE = struct.Struct("=HH")


def _attributes(data: bytes) -> Iterator[Tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def unix_peers() -> Dict[int, int]:
    """Inode of each connected unix socket -> inode of its other end, in the caller's network namespace.

    Raises KernelError. Any user may ask; needs unix_diag in the kernel (CONFIG_UNIX_DIAG).
    """
    peers: Dict[int, int] = {}
    request = _REQUEST.pack(socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _UDIAG_SHOW_PEER, 0xFFFFFFFF, 0xFFFFFFFF)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
            netlink.settimeout(_TIMEOUT_S)
            netlink.send(
                _NLMSG.pack(_NLMSG.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0) + request
            )
            while len(peers) < _MAX_SOCKETS:
                data, at = netlink.recv(1 << 18), 0
                while at + _NLMSG.size <= len(data):
                    length, kind, _, _, _ = _NLMSG.unpack_from(data, at)
                    body = data[at + _NLMSG.size : at + length]
                    if kind == _NLMSG_DONE or length < _NLMSG.size:
                        return peers
                    if kind == _NLMSG_ERROR:
                        code = -struct.unpack_from("=i", body)[0]
                        raise KernelError("unix_diag: dump refused: {}".format(errno.errorcode.get(code, str(code))))
                    inode = _UNIX.unpack_from(body)[3]
                    for kind, value in _attributes(body[_UNIX.size :]):
                        if kind == _UNIX_DIAG_PEER:
                            peers[inode] = struct.unpack_from("=I", value)[0]
                    at += (length + 3) & ~3
    except (OSError, struct.error) as error:
        raise KernelError("unix_diag: dump failed: {}".format(error)) from error
    return peers
