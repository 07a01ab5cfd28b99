"""Kernel modules that are loaded or unloaded: code below everything that the agent can see."""

import contextlib
from typing import Callable, List, Optional, Set

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.error import KernelError
from wachhund_agent.kernel.unix_diag import unix_peers
from wachhund_evidence import Observation, clip, text

EACH_S = 10.0  # between two looks
LIST_BYTES = 4 << 20


def parse_modules(data: bytes) -> Set[str]:
    """The names in /proc/modules."""
    return {clip(text(line.split(None, 1)[0]), 64)[0] for line in data.split(b"\n") if line.strip()}


def ask_early() -> None:
    """The agent's own questions load what answers them. This one is asked when a relay is looked for, which may be
    hours later: unix sockets. The others are asked by senses that start with this one."""
    with contextlib.suppress(KernelError):
        unix_peers()


class KernelModules:
    """Kind: `persistence.change` (class module). `before`: is called before the first look."""

    def __init__(self, before: Callable[[], None] = ask_early) -> None:
        self._before = before
        self._loaded: Optional[Set[str]] = None
        self._next_look = 0.0

    def look(self, mono: float) -> List[Observation]:
        """What changed since the last look, when it is time for another."""
        if mono < self._next_look:
            return []
        self._next_look = mono + EACH_S
        if self._loaded is None:
            self._before()
        try:
            with open("{}/modules".format(procfs.PROC), "rb") as file:
                now = parse_modules(file.read(LIST_BYTES))
        except OSError:
            return []
        before, self._loaded = self._loaded, now
        if before is None:
            return []
        changes = [(name, "loaded") for name in sorted(now - before)]
        changes += [(name, "unloaded") for name in sorted(before - now)]
        return [
            Observation("persistence.change", wall(mono), mono, "persistence/modules",
                        {"path": name, "class": "module", "change": change})
            for name, change in changes
        ]  # fmt: skip
