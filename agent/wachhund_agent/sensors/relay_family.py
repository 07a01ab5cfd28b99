"""Which processes work as one: parent and child, the two ends of a pipe, or of a unix socket pair.

A relay may be split, one half holding the connection outside and the other the one to the service. Only processes
that hold one of both are ever looked into. Where nothing leads from the half outside to the one inside, the two report:
`mosquitto_sub ... | mosquitto_pub ...` cannot be told anything through that pipe.
"""

import os
import stat
from typing import Callable, Dict, FrozenSet, Iterable, NamedTuple, Optional, Set, Tuple

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.unix_diag import unix_peers
from wachhund_agent.sensors.flow import Owner

SAME_PROCESS, PARENT, PIPE, UNIX_SOCKET = "same process", "parent", "pipe", "unix socket"
PIPE_OUTWARDS = "pipe outwards"  # from the inner half to the outer one, and none back
MAX_PROCESSES = 64  # looked into at a time, the newest; some 50 us each
LOOK_AGAIN_S = 5.0  # a pipe may be made later
MAX_FILES = 4096  # open files read of one process
TERMINALS = ("/dev/pts/", "/dev/tty")  # what is started from one holds it in both directions, and passes nothing on


class Ends(NamedTuple):
    """What ties a process to others: its parent, and inodes of pipes (by direction) and sockets that it holds.

    `files_read`, `files_written`: hashes of the names of its other files. Named pipes are among them: to ask which is
    one can take for ever, where the file system is a program's.
    """

    ppid: int
    reads: FrozenSet[int]
    writes: FrozenSet[int]
    sockets: FrozenSet[int]
    files_read: FrozenSet[int] = frozenset()
    files_written: FrozenSet[int] = frozenset()


def ends_of(pid: int) -> Optional[Ends]:
    """Read from /proc; None when the process has gone. What may not be read is left out."""
    status = procfs.stat(pid)
    if status is None:
        return None
    reads: Set[int] = set()
    writes: Set[int] = set()
    sockets: Set[int] = set()
    files_read: Set[int] = set()
    files_written: Set[int] = set()
    folder = "{}/{}/fd".format(procfs.PROC, pid)
    try:
        names = os.listdir(folder)[:MAX_FILES]
    except OSError:
        names = []
    for name in names:
        path = "{}/{}".format(folder, name)
        try:
            link = os.readlink(path)
            if link.startswith("socket:["):
                sockets.add(int(link[8:-1]))
                continue
            if link == os.devnull or link.startswith(TERMINALS):
                continue
            is_pipe = link.startswith("pipe:[")
            what = int(link[6:-1]) if is_pipe else hash(link)
            mode = os.lstat(path).st_mode  # the link's own permissions say how the file was opened
            if mode & stat.S_IRUSR:
                (reads if is_pipe else files_read).add(what)
            if mode & stat.S_IWUSR:
                (writes if is_pipe else files_written).add(what)
        except OSError:
            continue
    return Ends(
        status.ppid,
        frozenset(reads),
        frozenset(writes),
        frozenset(sockets),
        frozenset(files_read),
        frozenset(files_written),
    )


def joined(outer: Owner, outer_ends: Ends, inner: Owner, inner_ends: Ends, peers: Dict[int, int]) -> Optional[str]:
    """How two processes are tied, or None. `peers`: unix socket inode to its other end's.

    An inherited end that both hold in the same direction (a common log) ties nothing.
    """
    if inner_ends.ppid == outer.pid or outer_ends.ppid == inner.pid:
        return PARENT
    if outer_ends.writes & inner_ends.reads:
        return PIPE
    if any(peers.get(inode) in inner_ends.sockets for inode in outer_ends.sockets):
        return UNIX_SOCKET
    if inner_ends.writes & outer_ends.reads:
        return PIPE if outer_ends.files_written & inner_ends.files_read else PIPE_OUTWARDS
    return None


def _unix_peers() -> Dict[int, int]:
    try:
        return unix_peers()
    except KernelError:
        return {}  # a kernel without unix_diag: coverage of split relays is less, the rest works


class Families:
    """Answers for pairs of processes, remembered for a while."""

    def __init__(
        self,
        look: Callable[[int], Optional[Ends]] = ends_of,
        peers: Callable[[], Dict[int, int]] = _unix_peers,
    ) -> None:
        self._look, self._peers = look, peers
        self._ends: Dict[str, Ends] = {}
        self._found: Dict[Tuple[str, str], str] = {}
        self._looked = float("-inf")

    def ties(self, outers: Iterable[Owner], inners: Iterable[Owner], now: float) -> Dict[Tuple[str, str], str]:
        """(puid of the outer flow's owner, puid of the inner one's) -> how they are one. `now`: monotonic seconds."""
        outside = {owner.puid: owner for owner in outers}
        inside = {owner.puid: owner for owner in inners}
        made = {(puid, puid): SAME_PROCESS for puid in outside if puid in inside}
        if not outside or not inside or (len(made) == len(outside) == len(inside) == 1):
            return made
        wanted = {**outside, **inside}
        again = now - self._looked >= LOOK_AGAIN_S
        if again or not wanted.keys() <= self._ends.keys():
            self._look_at(wanted, outside, inside, again)
            self._looked = now if again else self._looked
        made.update((key, how) for key, how in self._found.items() if key[0] in outside and key[1] in inside)
        return made

    def _look_at(
        self, wanted: Dict[str, Owner], outside: Dict[str, Owner], inside: Dict[str, Owner], again: bool
    ) -> None:
        known = {} if again else {puid: ends for puid, ends in self._ends.items() if puid in wanted}
        for puid, owner in list(wanted.items())[-MAX_PROCESSES:]:
            if puid not in known:
                known[puid] = self._look(owner.pid) or Ends(0, frozenset(), frozenset(), frozenset())
        self._ends = known
        # A tie once seen stays while both hold their flows: an end may be closed after it was handed over.
        self._found = {key: how for key, how in self._found.items() if key[0] in wanted and key[1] in wanted}
        peers = self._peers()
        for one in outside.values():
            for other in inside.values():
                if one.puid != other.puid and one.puid in known and other.puid in known:
                    how = joined(one, known[one.puid], other, known[other.puid], peers)
                    if how is not None and self._found.get((one.puid, other.puid), PIPE_OUTWARDS) == PIPE_OUTWARDS:
                        self._found[one.puid, other.puid] = how
