"""The processes of a robot that the judge has in mind, by their ids, and who started whom."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wachhund.judge.ended import PROCESS, Ended
from wachhund.judge.reading_processes import ProcessFact

# Bounds against a robot that starts and never ends (or a sensor that misses ends); the oldest goes first. A stock robot
# has some 300 processes.
MAX_PROCESSES = 8_192
MAX_FAMILY = 64  # children of one


@dataclass(slots=True)
class Processes:
    """One robot's processes by puid; the puid that has a pid now; and the children of each pid."""

    ended: Ended
    by_puid: dict[str, ProcessFact] = field(default_factory=dict)
    by_pid: dict[int, str] = field(default_factory=dict)
    children: dict[int, dict[str, None]] = field(default_factory=dict)
    unseen: dict[str, None] = field(default_factory=dict)  # not told again by a new run of the agent

    def started(self, process: ProcessFact) -> None:
        """A process began, or took another program (the same puid)."""
        known = self.by_puid.get(process.puid)
        if known is None and len(self.by_puid) >= MAX_PROCESSES:
            self.drop(next(iter(self.by_puid)))
        if known is not None and (known.pid, known.ppid) != (process.pid, process.ppid):
            self._leave_family(known)
        self.unseen.pop(process.puid, None)
        if process.existing:
            self.ended.drop(PROCESS, process.puid)  # a new run found it later than it was waited for
        self.by_puid[process.puid] = process
        self.by_pid[process.pid] = process.puid
        if process.ppid is not None:
            of_parent = self.children.setdefault(process.ppid, {})
            if len(of_parent) < MAX_FAMILY:
                of_parent[process.puid] = None

    def exited(self, puid: str, t: float) -> None:
        """A process ended; it is forgotten after KEEP_ENDED_S."""
        process = self.by_puid.get(puid)
        if process is not None:
            process.left_t = t
            self.ended.note(PROCESS, puid, t)

    def ancestors(self, puid: str | None, pid: int | None = None) -> Iterator[tuple[int, str | None]]:
        """(pid, puid if known) of the process's parents, nearest first, as far as told or remembered."""
        process = self.by_puid.get(puid) if puid else None
        if process is None and pid is not None and puid is None:
            process = self.by_puid.get(self.by_pid.get(pid, ""))
        if process is None:
            return
        seen = {process.pid}
        line = process.ancestry or self._remembered_line(process)
        for ancestor, _ in line:
            if ancestor in seen or ancestor <= 1:
                return
            seen.add(ancestor)
            yield ancestor, self.by_pid.get(ancestor)

    def _remembered_line(self, process: ProcessFact) -> list[tuple[int, str | None]]:
        line: list[tuple[int, str | None]] = []
        parent = process.ppid
        while parent is not None and parent > 1 and len(line) < 8:
            line.append((parent, None))
            above = self.by_puid.get(self.by_pid.get(parent, ""))
            parent = above.ppid if above else None
        return line

    def family(self, puid: str | None) -> list[str]:
        """A process, its parent, its children and its heir: those that commonly share one relay's work."""
        process = self.by_puid.get(puid) if puid else None
        if puid is None or process is None:
            return [puid] if puid else []
        parent = self.by_pid.get(process.ppid) if process.ppid is not None and process.ppid > 1 else None
        heir = [process.heir] if process.heir else []
        return [puid, *([parent] if parent else []), *heir, *self.children.get(process.pid, ())]

    def command_of(self, puid: str | None) -> tuple[str, ...]:
        """The arguments a process was started with; empty when not known."""
        process = self.by_puid.get(puid) if puid else None
        return process.argv if process else ()

    def agent_began(self, mono: float) -> None:
        """A new run of the agent, at that time of the robot's: what was told before counts only when told again."""
        self.unseen = {one.puid: None for one in self.by_puid.values() if one.told_mono < mono}

    def end_unseen(self, now: float) -> None:
        """Those that were not told again have ended."""
        unseen, self.unseen = self.unseen, {}
        for puid in unseen:
            self.exited(puid, now)

    def forget_span(self, from_t: float, to_t: float) -> None:
        """Drop what was told in a span of host time, also what is still there."""
        for puid in [puid for puid, process in self.by_puid.items() if from_t <= process.told_t <= to_t]:
            self.drop(puid)
        self.unseen.clear()

    def drop(self, puid: str) -> None:
        """Have it in mind no more."""
        process = self.by_puid.pop(puid, None)
        self.ended.drop(PROCESS, puid)
        if process is not None:
            self._leave_family(process)

    def _leave_family(self, process: ProcessFact) -> None:
        """It does not have its pid and its parent any more."""
        if self.by_pid.get(process.pid) == process.puid:
            del self.by_pid[process.pid]
        siblings = self.children.get(process.ppid) if process.ppid is not None else None
        if siblings is not None and process.ppid is not None:
            siblings.pop(process.puid, None)
            if not siblings:
                del self.children[process.ppid]
