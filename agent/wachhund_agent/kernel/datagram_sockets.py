"""UDP, ICMP and raw sockets of this network namespace, with their inodes: /proc/net/udp and its relatives (proc(5))."""

import socket
import struct
from typing import List, NamedTuple, Optional, Tuple

from wachhund_agent.kernel import procfs

FILES = (("udp", "udp"), ("udp6", "udp"), ("udplite", "udplite"), ("udplite6", "udplite"), ("icmp", "icmp"),
         ("icmp6", "icmp"), ("raw", "raw"), ("raw6", "raw"))  # fmt: skip
SOCKETS_KEPT = 8192
_READ_BYTES = 4 << 20

Endpoint = Tuple[str, int]


class DatagramSocket(NamedTuple):
    """`remote` port 0: not connected. Of a raw socket the local port is its IP protocol number."""

    proto: str
    local: Endpoint
    remote: Endpoint
    inode: int


def parse_address(word: bytes) -> Optional[Endpoint]:
    """`0100007F:0035`: each 32 bits in the machine's own order, the port big endian. None when it is not one."""
    address, _, port = word.partition(b":")
    try:
        raw = bytes.fromhex(address.decode("ascii"))
        number = int(port, 16)
    except ValueError:
        return None
    if len(raw) not in (4, 16) or not 0 <= number <= 0xFFFF:
        return None
    ordered = b"".join(struct.pack("!I", word) for word in struct.unpack("={}I".format(len(raw) // 4), raw))
    if len(raw) == 16 and ordered.startswith(b"\0" * 10 + b"\xff\xff"):
        ordered = ordered[12:]
    return socket.inet_ntop(socket.AF_INET if len(ordered) == 4 else socket.AF_INET6, ordered), number


def parse_sockets(data: bytes, proto: str) -> List[DatagramSocket]:
    """The sockets of one such file; a line that is none is passed over."""
    found: List[DatagramSocket] = []
    for line in data.split(b"\n")[1:]:
        words = line.split()
        if len(words) < 10 or not words[9].isdigit() or len(found) >= SOCKETS_KEPT:
            continue
        local, remote = parse_address(words[1]), parse_address(words[2])
        if local is not None and remote is not None:
            found.append(DatagramSocket(proto, local, remote, int(words[9])))
    return found


def datagram_sockets() -> List[DatagramSocket]:
    """All of them. A file that is missing (no IPv6, no such module) holds none."""
    found: List[DatagramSocket] = []
    for name, proto in FILES:
        try:
            with open("{}/net/{}".format(procfs.PROC, name), "rb") as file:
                found += parse_sockets(file.read(_READ_BYTES), proto)
        except OSError:
            continue
    return found
