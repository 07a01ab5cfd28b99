"""The agent's own limits: when it costs the robot too much it gives up detail, in a published order, and says so.

What it never gives up: that a program started, that a connection exists, whose it is, and the relay verdicts.
"""

import os
import resource
from pathlib import Path
from typing import List, NamedTuple, Optional

from wachhund_agent.kernel.clock import wall
from wachhund_evidence import Observation

CPU_SHARE = 0.3  # of one core; the stock robot's noise takes a twentieth of it
RSS_BYTES = 128 << 20  # of 1.8 GB that the robot shares with walking
LOOK_S = 10.0
BACK_AFTER_S = 60.0  # of calm, for each step
ORDER = (
    "hashes of programs and scripts",
    "counters of open flows (flow.update)",
    "details of a start: script, container, namespaces, unit, folder, ancestors",
)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """`cpu_s`: processor seconds since the start. `rss_bytes`: resident memory, None when unknown."""

    cpu_s: float
    rss_bytes: Optional[int]


def usage() -> Usage:
    """What this process has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    try:
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        resident = None
    return Usage(used.ru_utime + used.ru_stime, resident)


class Budget:
    """`level`: how many entries of ORDER are given up now."""

    def __init__(self, cpu_share: float = CPU_SHARE, rss_bytes: int = RSS_BYTES, look_s: float = LOOK_S) -> None:
        self._cpu_share, self._rss_bytes, self._look_s = cpu_share, rss_bytes, look_s
        self._last: Optional[float] = None
        self._cpu_s = 0.0
        self._calm_since: Optional[float] = None
        self.level = 0

    def look(self, mono: float, used: Optional[Usage] = None) -> List[Observation]:
        """One step at most, down or back, where a look is due. `used`: by default what this process has used."""
        if self._last is not None and mono - self._last < self._look_s:
            return []
        used = used or usage()
        before, self._last = self._last, mono
        spent, self._cpu_s = used.cpu_s - self._cpu_s, used.cpu_s
        if before is None:
            return []
        share = spent / (mono - before)
        too_much = share > self._cpu_share or (used.rss_bytes or 0) > self._rss_bytes
        if too_much or share > self._cpu_share / 2:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = mono
        if too_much and self.level < len(ORDER):
            return self._step(1, share, used, mono)
        if self.level and self._calm_since is not None and mono - self._calm_since >= BACK_AFTER_S:
            self._calm_since = mono
            return self._step(-1, share, used, mono)
        return []

    def _step(self, by: int, share: float, used: Usage, mono: float) -> List[Observation]:
        self.level += by
        fields = {
            "level": self.level,
            "shed": list(ORDER[: self.level]),
            "cpu_share": round(share, 4),
            "rss_bytes": used.rss_bytes,
        }
        return [Observation("agent.shed", wall(mono), mono, "agent", fields)]
