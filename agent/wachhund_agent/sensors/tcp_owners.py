"""Who holds a socket: the process that the kernel named at an event, else the one whose open files say so."""

from typing import Callable, Dict, List, Optional, Set

from wachhund_agent.kernel import procfs
from wachhund_agent.sensors.flow import Owner
from wachhund_agent.sensors.process_table import ProcessTable

FULL_LOOK_S = 2.0  # a look at all open files of all processes costs 12 ms and more


class Owners:
    """Looks at one process's files where that is enough, and at everybody's at most every 2 s."""

    def __init__(self, table: ProcessTable, inodes_of: Callable[[int], Set[int]] = procfs.socket_inodes) -> None:
        self._table = table
        self._inodes_of = inodes_of
        self._looked: Dict[int, Set[int]] = {}
        self._holders: Dict[int, List[int]] = {}
        self._next_full = 0.0

    def begin(self) -> None:
        """A new round: what was read in the last one may be old."""
        self._looked.clear()
        self._holders.clear()

    def of_thread(self, tid: int) -> Optional[Owner]:
        """The owner that a tracepoint names by its running thread."""
        process = self._table.process_of(tid)
        return self.of_pid(tid if process is None else process)

    def of_pid(self, pid: int) -> Optional[Owner]:
        known = self._table.get(pid)
        return None if known is None else Owner(pid, known.puid, known.exe, known.user)

    def among(self, inode: int, pid: int) -> Optional[Owner]:
        """The owner, if it is this process or one that it started.

        The process itself first: a child that was forked for something else holds its parent's sockets until it execs.
        A server that forks for each connection closes its own copy.
        """
        children = [child for child in self._table.pids() if self._is_child(child, pid)]
        for candidate in [pid, *sorted(children)]:
            if inode in self._inodes(candidate):
                return self.of_pid(candidate)
        return None

    def anywhere(self, inode: int, mono: float) -> Optional[Owner]:
        """The owner among all processes, or None: unknown, or it is not yet time for another full look."""
        if not self._holders:
            if mono < self._next_full:
                return None
            self._next_full = mono + FULL_LOOK_S
            for pid in procfs.all_pids():
                for held in self._inodes(pid):
                    self._holders.setdefault(held, []).append(pid)
        pids = self._holders.get(inode, [])
        # Of a family that shares it, the one that did not inherit it.
        heads = [pid for pid in pids if not any(self._is_child(pid, other) for other in pids)]
        return self.of_pid(min(heads)) if heads else None

    def _is_child(self, pid: int, parent: int) -> bool:
        known = self._table.peek(pid)
        return known is not None and known.ppid == parent

    def _inodes(self, pid: int) -> Set[int]:
        inodes = self._looked.get(pid)
        if inodes is None:
            inodes = self._looked[pid] = self._inodes_of(pid)
        return inodes
