"""What a program that has gone was: a daemon's first process forks and ends, and its child runs on as the same program.

On a busy robot such a first process is gone before anybody looks, and with it what it was started with. The child still
has it, as long as it has started no program of its own.
"""

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from wachhund_agent.kernel import procfs

CHILDREN_KEPT = 8  # of one process, the newest: daemons fork once or twice


class Heir(NamedTuple):
    """A child that runs on as the program that its parent was."""

    pid: int
    puid: str
    argv: List[bytes]
    exe: str
    deleted: bool


class Heirs:
    """Who was forked, at first or second hand, by processes that had gone: told in the order in which it happened."""

    def __init__(self, gone: Mapping[int, float]) -> None:
        """`gone`: when each started its program (monotonic seconds), by pid."""
        self._since = gone
        self._of: Dict[int, List[int]] = {}
        self._first: Dict[int, int] = {}

    def forked(self, parent: int, child: int, mono: float) -> None:
        """A process was forked."""
        if parent in self._since:
            if mono < self._since[parent]:
                return  # it was another program then
            first = parent
        elif parent in self._first:
            first = self._first[parent]
        else:
            return
        children = self._of.setdefault(first, [])
        children.append(child)
        self._first[child] = first
        if len(children) > CHILDREN_KEPT:
            self._first.pop(children.pop(0), None)

    def of(self, pid: int) -> Tuple[int, ...]:
        """The descendants of one of them, the newest first."""
        return tuple(reversed(self._of.get(pid, ())))


def seen_in(pids: Iterable[int]) -> Optional[Heir]:
    """The first of these processes that is still what it was forked as; None when none is."""
    for pid in pids:
        argv = procfs.cmdline(pid)
        exe, deleted = procfs.exe(pid)
        stat = procfs.stat(pid)  # last: had it started another program in between, this would say so
        if argv and exe is not None and stat is not None and stat.only_forked and stat.state not in "ZX":
            return Heir(pid, procfs.puid(pid, stat.start_ticks), argv, exe, deleted)
    return None
