"""Which processes serve an ssh session: what starts under them is the visitor's doing.

By puid. A pid alone is anybody's once its process has ended, but of a child that sshd forked nothing else is told in
the line of its descendants; so a pid stands for the process that had it last.
"""

from collections.abc import Container
from dataclasses import dataclass, field

from wachhund.judge.ended import KEEP_ENDED_S

MAX_VISITORS = 4_096  # processes of ssh sessions, a robot; twice the sessions in mind, the oldest goes first


@dataclass(slots=True)
class Serving:
    """A process that serves a session. `left_t`: when it ended (host time)."""

    pid: int
    session: str
    left_t: float | None = None


@dataclass(slots=True)
class Visitors:
    """A robot's serving processes."""

    by_puid: dict[str, Serving] = field(default_factory=dict)
    by_pid: dict[int, str] = field(default_factory=dict)

    def claim(self, pid: int, puid: str, session: str) -> None:
        """A process serves this session from now on."""
        self._drop(puid)
        if len(self.by_puid) >= MAX_VISITORS:
            self._drop(next(iter(self.by_puid)))
        self.took(pid, puid)
        self.by_puid[puid] = Serving(pid, session)
        self.by_pid[pid] = puid

    def took(self, pid: int, puid: str) -> None:
        """A process was told that has this pid: whoever had it before is gone."""
        before = self.by_pid.get(pid)
        if before is not None and before != puid:
            self._drop(before)

    def exited(self, puid: str, t: float) -> None:
        """A process ended. Facts of what it started may still be on their way."""
        serving = self.by_puid.get(puid)
        if serving is not None:
            serving.left_t = t

    def session_of(self, pid: int | None, now: float) -> str | None:
        """The session that the process with this pid serves, or served until a moment ago. `now`: host time."""
        serving = self.by_puid.get(self.by_pid.get(pid, "")) if pid is not None else None
        if serving is None or (serving.left_t is not None and now > serving.left_t + KEEP_ENDED_S):
            return None
        return serving.session

    def forget(self, sessions: Container[str]) -> None:
        """Drop what serves these sessions."""
        for puid in [puid for puid, serving in self.by_puid.items() if serving.session in sessions]:
            self._drop(puid)

    def clear(self) -> None:
        """Nothing is there any more."""
        self.by_puid.clear()
        self.by_pid.clear()

    def _drop(self, puid: str) -> None:
        serving = self.by_puid.pop(puid, None)
        if serving is not None and self.by_pid.get(serving.pid) == puid:
            del self.by_pid[serving.pid]
