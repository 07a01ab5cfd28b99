"""Which processes are one: real pipes and socket pairs, read from /proc and sock_diag."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional

import pytest

from wachhund_agent.kernel.unix_diag import unix_peers
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.relay_family import (
    PARENT,
    PIPE,
    PIPE_OUTWARDS,
    SAME_PROCESS,
    UNIX_SOCKET,
    Ends,
    Families,
    ends_of,
    joined,
)

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
    assert how(ends(reads=7), ends(writes=7)) == PIPE_OUTWARDS
    assert how(ends(writes=7), ends(writes=7)) is None


def test_a_pipe_outwards_counts_as_one_both_ways_where_anything_leads_back() -> None:
    """A second pipe, a socket pair, or a file (a named pipe is one) that the outer half writes and the inner reads."""
    assert how(ends(reads=7, writes=8), Ends(1, frozenset([8]), frozenset([7]), frozenset())) == PIPE
    assert how(ends(reads=7, sock=5), ends(writes=7, sock=6), {5: 6, 6: 5}) == UNIX_SOCKET
    back = frozenset([99])
    assert how(ends(reads=7)._replace(files_written=back), ends(writes=7)._replace(files_read=back)) == PIPE
    assert how(ends(reads=7)._replace(files_read=back), ends(writes=7)._replace(files_written=back)) == PIPE_OUTWARDS


def test_a_way_back_that_is_made_later_is_seen() -> None:
    now = {10: ends(reads=7), 20: ends(writes=7)}
    families = Families(look=now.get, peers=dict)
    outers, inners = [owner(10), owner(30)], [owner(20)]
    assert families.ties(outers, inners, 0.0) == {("10-1", "20-1"): PIPE_OUTWARDS}
    now.update({10: ends(writes=8), 20: ends(reads=8)})
    assert families.ties(outers, inners, 10.0) == {("10-1", "20-1"): PIPE}
    now.update({10: ends(reads=7), 20: ends(writes=7)})
    assert families.ties(outers, inners, 20.0) == {("10-1", "20-1"): PIPE}  # once it could, it counts as one that can


@pytest.mark.parametrize(("way_back", "way"), [(False, PIPE_OUTWARDS), (True, PIPE)])
def test_a_pipeline_has_the_direction_of_its_pipe(tmp_path: Path, way_back: bool, way: str) -> None:
    """`inner | outer`, as `mosquitto_sub ... | mosquitto_pub ...`, and the old trick with a named pipe beside it."""
    fifo = tmp_path / "back"
    os.mkfifo(str(fifo))
    back = os.open(str(fifo), os.O_RDWR)
    reads, writes = os.pipe()
    other = back if way_back else subprocess.DEVNULL
    children = [
        subprocess.Popen(["sleep", "60"], stdin=read, stdout=write, stderr=subprocess.DEVNULL)
        for read, write in ((reads, other), (other, writes))
    ]
    for descriptor in (back, reads, writes):
        os.close(descriptor)
    try:
        outer, inner = (owner(child.pid) for child in children)
        assert Families().ties([outer], [inner], 0.0) == {(outer.puid, inner.puid): way}
    finally:
        for child in children:
            child.kill()
            child.wait()


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
