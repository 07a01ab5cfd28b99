"""What processes cost: memory now, and CPU seconds over a run, from /proc."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
    """`cpu_s`: of the process since its start; of a tree also those of children that ended."""

    rss_bytes: int
    cpu_s: float


def of_process(pid: int) -> Use:
    """What one process uses; zeros when it is gone."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Use(int(words[21]) * _PAGE, (int(words[11]) + int(words[12])) / _TICKS)
    return Use(0, 0.0)


def of_tree(pid: int) -> Use:
    """The same of a process with all below it, as PostgreSQL's: shared memory counts once for each of them."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    pids, at = [pid], 0
    while at < len(pids):
        pids += parents.get(pids[at], [])
        at += 1
    with_children = 0.0
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        with_children = (int(words[13]) + int(words[14])) / _TICKS
    uses = [of_process(one) for one in pids]
    return Use(sum(one.rss_bytes for one in uses), with_children + sum(one.cpu_s for one in uses))


def busy_s() -> tuple[float, float]:
    """CPU seconds that the whole machine was busy, and idle, since its start."""
    words = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    idle = words[3] + words[4]
    return (sum(words[:8]) - idle) / _TICKS, idle / _TICKS


class Meter:
    """The named processes over a run. `trees`: those that are taken with all below them."""

    def __init__(self, pids: Mapping[str, int], trees: Mapping[str, int]) -> None:
        self._looks = {**{name: (of_process, pid) for name, pid in pids.items()},
                       **{name: (of_tree, pid) for name, pid in trees.items()}}  # fmt: skip
        self._before = {name: look(pid) for name, (look, pid) in self._looks.items()}
        self._most = {name: use.rss_bytes for name, use in self._before.items()}
        self._machine = busy_s()

    def look(self) -> None:
        """Note the memory of now."""
        for name, (look, pid) in self._looks.items():
            self._most[name] = max(self._most[name], look(pid).rss_bytes)

    def told(self, seconds: float) -> dict[str, dict[str, float]]:
        """For each: CPU seconds since the beginning, the share of one core, the most memory; and the machine."""
        self.look()
        made: dict[str, dict[str, float]] = {}
        for name, (look, pid) in self._looks.items():
            cpu_s = look(pid).cpu_s - self._before[name].cpu_s
            made[name] = {"pid": pid, "cpu_s": cpu_s, "of_a_core": cpu_s / seconds, "rss_bytes": self._most[name]}
        busy, idle = (now - then for now, then in zip(busy_s(), self._machine, strict=True))
        made["the whole machine"] = {"pid": 0, "cpu_s": busy, "of_a_core": busy / seconds, "rss_bytes": 0,
                                     "busy_share": busy / max(1e-9, busy + idle)}  # fmt: skip
        return made
