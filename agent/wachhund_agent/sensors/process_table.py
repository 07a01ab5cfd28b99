"""Who is running: the processes that we know of, by pid, with who started whom."""

from typing import Dict, List, NamedTuple, Optional

from wachhund_agent.kernel import procfs

RECENT = 4096  # ended lately: their last sockets are told after them
THREADS = 8192  # the newest; older ones are looked up in /proc, where they still are if they matter
TABLE_SIZE = 32768  # the kernel's default number of pids; an entry takes some 300 bytes, a robot has 250
ANCESTORS = 8


class Known(NamedTuple):
    """One process. `started`: monotonic seconds. `told`: its start was an observation of its own.

    `ppid`: None where it had gone before anybody looked.
    `forked_as`: the program of its parent when it was forked, which it runs until it starts another.
    """

    pid: int
    ppid: Optional[int]
    puid: str
    exe: Optional[str]
    user: Optional[str]
    started: Optional[float]
    told: bool = False
    forked_as: Optional[str] = None


class ProcessTable:
    """Bounded: when it is full the oldest entry goes, and is read from /proc again if somebody asks."""

    def __init__(self) -> None:
        self._known: Dict[int, Known] = {}
        self._recent: Dict[int, Known] = {}
        self._process_of: Dict[int, int] = {}

    def __contains__(self, pid: int) -> bool:
        return pid in self._known

    def put(self, known: Known) -> None:
        self._known.pop(known.pid, None)
        self._known[known.pid] = known
        if len(self._known) > TABLE_SIZE:
            del self._known[next(iter(self._known))]

    def pop(self, pid: int) -> Optional[Known]:
        """Take out a process that has ended. What it was called is kept a little longer."""
        known = self._known.pop(pid, None)
        if known is not None:
            self._recent[pid] = known
            if len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
        return known

    def pids(self) -> List[int]:
        return list(self._known)

    def peek(self, pid: int) -> Optional[Known]:
        """What we know without asking the kernel."""
        return self._known.get(pid)

    def get(self, pid: int) -> Optional[Known]:
        """What is known of a process, from /proc if it is new to us; None when it has gone unseen."""
        known = self._known.get(pid)
        if known is not None and known.exe is not None:
            return known
        stat = procfs.stat(pid)
        if stat is None:
            gone = known or self._recent.get(pid)
            return gone._replace(exe=gone.exe or gone.forked_as) if gone is not None else None
        uid = procfs.uid(pid)
        user = None if uid is None else procfs.user_name(uid)
        started = stat.start_ticks / procfs.CLOCK_TICKS
        puid = procfs.puid(pid, stat.start_ticks)
        learned = Known(pid, stat.ppid, puid, procfs.exe(pid)[0], user, started, known is not None and known.told)
        if known is None or known != learned:
            self.put(learned)
        return learned

    def heard_thread(self, maker: int, tid: int) -> None:
        """A thread was made: tracepoints name threads, and one may be gone before we ask whose it was."""
        process = self.process_of(maker)
        if process is not None:
            self._process_of.pop(tid, None)
            self._process_of[tid] = process
            if len(self._process_of) > THREADS:
                del self._process_of[next(iter(self._process_of))]

    def heard_process(self, pid: int) -> None:
        """A process was made: its number may have been a thread's before."""
        self._process_of.pop(pid, None)

    def process_of(self, tid: int) -> Optional[int]:
        """The process that a thread belongs to, or None when nobody knows any more."""
        process = self._process_of.get(tid)
        if process is not None:
            return process
        return tid if tid in self._known else procfs.thread_group(tid)

    def ancestry(self, ppid: int) -> List[List[object]]:
        """[pid, exe] of the parent, its parent and so on; the nearest first."""
        line: List[List[object]] = []
        pid: Optional[int] = ppid
        while pid and len(line) < ANCESTORS:
            known = self.get(pid)
            line.append([pid, None if known is None else known.exe])
            if known is None or known.ppid == pid:
                break
            pid = known.ppid
        return line
