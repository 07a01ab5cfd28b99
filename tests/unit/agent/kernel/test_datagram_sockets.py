"""UDP, ICMP and raw sockets as /proc lists them."""

import os
import socket

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.kernel.datagram_sockets import SOCKETS_KEPT, datagram_sockets, parse_address, parse_sockets


def test_addresses_are_read_in_the_kernels_order() -> None:
    assert parse_address(b"0100007F:0035") == ("127.0.0.1", 53)
    assert parse_address(b"0000000000000000FFFF00000100007F:0050") == ("127.0.0.1", 80)
    assert parse_address(b"00000000000000000000000001000000:0050") == ("::1", 80)


def test_our_own_sockets_are_among_them() -> None:
    door, caller = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with door, caller:
        door.bind(("127.0.0.1", 0))
        caller.connect(door.getsockname())
        inodes = {os.fstat(one.fileno()).st_ino for one in (door, caller)}
        seen = {one.inode: one for one in datagram_sockets() if one.inode in inodes}
        assert len(seen) == 2
        assert seen[os.fstat(caller.fileno()).st_ino].remote == door.getsockname()
        assert seen[os.fstat(door.fileno()).st_ino].remote[1] == 0


@given(st.binary())
def test_any_bytes_are_a_list_of_sockets(data: bytes) -> None:
    assert len(parse_sockets(b"head\n" + data, "udp")) <= SOCKETS_KEPT
    parse_address(data)
