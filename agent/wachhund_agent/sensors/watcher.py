"""The watcher watched: was the agent stopped or starved, is it being traced, was the clock moved.

A stopped process cannot say so; afterwards it can. The loop calls at least each second, so a longer pause is told when
it is over, and the kernel's own account of how long we waited for a core (/proc/PID/schedstat, Documentation/scheduler/
sched-stats.rst) tells a starved agent from a stopped one. Sleep of the whole board does not count: CLOCK_MONOTONIC
stands still.
"""

import time
from typing import List, NamedTuple, Optional

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.sensors.sense import Sense
from wachhund_evidence import Coverage, Observation

PAUSE_S = 2.0  # beyond the interval: a busy board is late by less, and a shorter pause hides little
STEP_S = 1.0  # time daemons slew by less
_NANO = 1e-9


class Times(NamedTuple):
    """Seconds that this process ran, and that it was ready to run and had no core."""

    ran: float
    waited: float


def times(schedstat: str) -> Optional[Times]:
    """From a schedstat line; None for what is none."""
    words = schedstat.split()
    if len(words) < 2 or not (words[0].isdecimal() and words[1].isdecimal()):
        return None
    return Times(int(words[0]) * _NANO, int(words[1]) * _NANO)


def tracer(status: str) -> Optional[int]:
    """The process that traces us, from a status file; None when nobody does."""
    for line in status.splitlines():
        if line.startswith("TracerPid:"):
            pid = line[10:].strip()
            return int(pid) or None if pid.isdecimal() else None
    return None


class WatcherSense(Sense):
    """Needs no privilege. Kinds: `agent.pause`, `clock.step`, `config.state` (agent-traced)."""

    name = "watcher"
    interval_s = 1.0

    def __init__(self) -> None:
        self._last = 0.0
        self._times: Optional[Times] = None
        self._offset = 0.0
        self._tracer: Optional[int] = None
        self._readable = True

    def start(self, mono: float) -> List[Observation]:
        self._last, self._offset = mono, time.time() - time.monotonic()
        self._times = self._read_times()
        return self._tracing(mono)

    def look(self, mono: float) -> List[Observation]:
        found = self._pause(mono) + self._step(mono) + self._tracing(mono)
        self._last = mono
        return found

    def coverage(self) -> Coverage:
        why = None if self._readable else "/proc/self can't be read: a pause is seen, not whether it was a stop"
        return Coverage("procfs", "poll", self.interval_s, 0, why)

    def close(self) -> None:
        """Nothing is kept open."""

    def _pause(self, mono: float) -> List[Observation]:
        before, now = self._times, self._read_times()
        self._times = now
        gap = mono - self._last
        if gap < self.interval_s + PAUSE_S:
            return []
        starved, reason = None, "unknown"
        if before is not None and now is not None:
            starved = max(0.0, now.waited - before.waited)
            # Who is stopped neither runs nor is ready to.
            reason = "starved" if starved + now.ran - before.ran > gap / 2 else "stopped"
        fields = {
            "from_mono": round(self._last, 3),
            "to_mono": round(mono, 3),
            "duration_s": round(gap, 3),
            "starved_s": None if starved is None else round(starved, 3),
            "reason": reason,
        }
        return [Observation("agent.pause", wall(mono), mono, "watcher/procfs", fields)]

    def _step(self, mono: float) -> List[Observation]:
        offset = time.time() - time.monotonic()
        by, self._offset = offset - self._offset, offset
        if abs(by) < STEP_S:
            return []
        return [Observation("clock.step", wall(mono), mono, "watcher/clock", {"by_s": round(by, 3)})]

    def _tracing(self, mono: float) -> List[Observation]:
        status = self._read("status")
        by = None if status is None else tracer(status)
        if by == self._tracer:
            return []
        self._tracer = by
        fields = {"name": "agent-traced", "value": by is not None, "pid": by, "exe": by and procfs.exe(by)[0]}
        return [Observation("config.state", wall(mono), mono, "watcher/procfs", fields)]

    def _read_times(self) -> Optional[Times]:
        line = self._read("schedstat")
        return None if line is None else times(line)

    def _read(self, name: str) -> Optional[str]:
        found = procfs.own(name)
        self._readable = found is not None
        return None if found is None else found.decode("ascii", "replace")
