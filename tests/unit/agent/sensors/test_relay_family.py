"""Which processes are one: real pipes and socket pairs, read from /proc and sock_diag."""

import os
import socket
import subprocess
import sys
from typing import Dict, Optional

from wachhund_agent.kernel.unix_diag import unix_peers
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.relay_family import PARENT, PIPE, SAME_PROCESS, UNIX_SOCKET, Ends, Families, ends_of, joined

WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


def owner(pid: int) -> Owner:
    return Owner(pid, "{}-1".format(pid), None, None)


def ends(ppid: int = 1, reads: int = 0, writes: int = 0, sock: int = 0) -> Ends:
    return Ends(ppid, *(frozenset([inode] if inode else []) for inode in (reads, writes, sock)))


def how(outer: Ends, inner: Ends, peers: Optional[Dict[int, int]] = None) -> Optional[str]:
    return joined(owner(10), outer, owner(20), inner, peers or {})


def test_a_pipe_joins_its_writer_and_its_reader_only() -> None:
    """Two services that write into one log share its pipe, and nothing else."""
    assert how(ends(writes=7), ends(reads=7)) == PIPE
    assert how(ends(reads=7), ends(writes=7)) == PIPE
    assert how(ends(writes=7), ends(writes=7)) is None


def test_a_socket_pair_joins_its_two_ends() -> None:
    assert how(ends(sock=7), ends(sock=8), {7: 8, 8: 7}) == UNIX_SOCKET
    assert how(ends(sock=7), ends(sock=9), {7: 8, 8: 7}) is None


def test_parent_and_child_are_one_either_way_round() -> None:
    assert how(ends(ppid=20), ends()) == PARENT
    assert how(ends(), ends(ppid=10)) == PARENT


def test_the_kernel_tells_the_peer_of_a_real_socket_pair() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert unix_peers()[os.fstat(left.fileno()).st_ino] == os.fstat(right.fileno()).st_ino


def test_a_real_pipe_between_two_children_joins_them() -> None:
    """As a relay split in two would have it: neither is the other's parent."""
    reads, writes = os.pipe()
    children = [
        subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[fd])
        for fd in (reads, writes)
    ]
    os.close(reads)
    os.close(writes)
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        outer, inner = (owner(child.pid) for child in children)
        ties = Families().ties([outer], [inner], 0.0)
        assert ties == {(outer.puid, inner.puid): PIPE}
    finally:
        for child in children:
            child.communicate()


def test_one_process_needs_no_look_at_its_files() -> None:
    looked = []
    families = Families(look=lambda pid: looked.append(pid))  # type: ignore[arg-type,func-returns-value]
    assert families.ties([owner(10)], [owner(10)], 0.0) == {("10-1", "10-1"): SAME_PROCESS}
    assert looked == []


def test_a_process_that_has_gone_has_no_ends() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert ends_of(child.pid) is None
